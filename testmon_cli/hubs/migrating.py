"""Alembic, for the tables of a hub: revisions of their own, with a version table of their own."""

from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from testmon_cli.domain.errors import HubError
from testmon_cli.hubs.tables import VERSION_TABLE, metadata
from testmon_cli.storage import migrating
from testmon_cli.storage.layout import migrations_folder


def configuration(connection: Any = None) -> Config:
    """The Alembic configuration of the tables of a hub."""
    config = migrating.configuration()
    config.set_main_option("version_locations", str(migrations_folder() / "hub").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")  # a folder's name may hold any other
    config.attributes.update(connection=connection, metadata=metadata, version_table=VERSION_TABLE)
    return config


def is_older(connection: Any, where: str) -> bool:
    """Tell whether the tables are missing, or of an older version.

    Raises HubError for those of a newer one.
    """
    found = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()
    scripts = ScriptDirectory.from_config(configuration())
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise HubError(
            f"the hub {where} has tables of schema {found}, which a newer testmon made: upgrade testmon-cli"
        )
    return found != scripts.get_current_head()


def upgrade(connection: Any) -> None:
    """Bring the tables to the newest schema, as a part of the open transaction."""
    command.upgrade(configuration(connection), "head")
