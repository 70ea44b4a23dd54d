"""A datafile may have a seal: programs of before, which would write without taking it off, must not open it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change no table: the seal stands in the header, and whoever closes the file next puts it on."""


def downgrade() -> None:
    op.execute("PRAGMA user_version = 0")
