"""A datafile remembers which bundles it got from a hub, and gave to one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exchanged",
        sa.Column("content", sa.Text(), nullable=False, comment="SHA-256 of its evidence"),
        sa.Column(
            "run_key",
            sa.Text(),
            nullable=False,
            comment="digest of what tells its run from others, on every machine",
        ),
        sa.Column("executions", sa.Integer(), nullable=False, comment="how many it has"),
        sa.Column("ended", sa.Boolean(), nullable=False, comment="whether its run had ended"),
        sa.PrimaryKeyConstraint("content", name=op.f("pk_exchanged")),
        comment="a row per bundle that was pulled from a hub or pushed to one, so that neither is repeated",
    )


def downgrade() -> None:
    op.drop_table("exchanged")
