"""Bundles are compressed already: the server keeps them as they are."""

from alembic import op

revision = "h0002"
down_revision = "h0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Otherwise it tries to compress each, in vain.
    op.execute("ALTER TABLE testmon_bundle ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE testmon_bundle ALTER COLUMN data SET STORAGE EXTENDED")
