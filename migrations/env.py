"""What Alembic runs: with the connection that testmon passes, or with the URL of alembic.ini for developers."""

from alembic import context
from sqlalchemy import Connection, create_engine

from testmon_cli.storage.models import Base


def migrate(connection: Connection) -> None:
    """Run the migrations; a transaction that is open stays the caller's."""
    # a hub in PostgreSQL has tables and a version table of its own
    given = context.config.attributes
    context.configure(
        connection=connection,
        target_metadata=given.get("metadata", Base.metadata),
        version_table=given.get("version_table", "alembic_version"),
        render_as_batch=connection.dialect.name == "sqlite",
        on_version_apply=lambda step, **_: (
            given["reached"](step.up_revision_id) if "reached" in given else None
        ),
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url is not None, "alembic.ini names the database as sqlalchemy.url"
    with create_engine(url).begin() as opened:
        migrate(opened)
