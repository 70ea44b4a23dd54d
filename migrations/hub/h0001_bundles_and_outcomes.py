"""A hub in PostgreSQL: bundles with what they say of themselves, and outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "h0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, comment: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False, comment=comment)


def _number(name: str, comment: str) -> sa.Column:
    return sa.Column(name, sa.Integer(), nullable=False, comment=comment)


def upgrade() -> None:
    op.create_table(
        "testmon_bundle",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _text("name", "what the hub calls it: origin, time, commit, content"),
        _text("content", "SHA-256 of the evidence"),
        sa.Column(
            "pushed",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
            comment="when it came",
        ),
        sa.Column(
            "started", sa.DateTime(timezone=True), nullable=False, comment="when its run began"
        ),
        _text("environment", "name that the user gave it"),
        _text("python", "Python version"),
        _text("platform", "system and machine"),
        _text("provider", "of continuous integration, or local"),
        _text("event", "push, merge-queue, pull-request or local"),
        _text("ref", "branch; others than branches have their full name"),
        _text("base", "the branch into which it is to be merged; empty where there is none"),
        _text("commit", "that was checked out"),
        _text("workflow", "of the provider"),
        _text("job", "of the provider"),
        _text("actor", "who caused the run"),
        _number("tests", "how many it tells of"),
        _number("executions", "how many it has"),
        _text("testmon", "version that wrote it"),
        _text("signature", "empty without one"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes of data"),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="the bundle"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_testmon_bundle")),
        sa.UniqueConstraint("name", name=op.f("uq_testmon_bundle_name")),
        comment="a row per bundle",
    )
    op.create_table(
        "testmon_outcome",
        sa.Column(
            "bundle_id", sa.BigInteger(), nullable=False, comment="the bundle, and so the run"
        ),
        _text("nodeid", "the test"),
        _text("outcome", "passed, failed, error, skipped, xfailed or xpassed"),
        sa.Column("seconds", sa.Float(), nullable=False, comment="for setup, call and teardown"),
        _text("relied", "digest of all that it relied on: code, files, variables, fixtures"),
        sa.ForeignKeyConstraint(
            ["bundle_id"],
            ["testmon_bundle.id"],
            name=op.f("fk_testmon_outcome_bundle_id_testmon_bundle"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("bundle_id", "nodeid", name=op.f("pk_testmon_outcome")),
        comment="a row per test and bundle: how it came out",
    )
    op.create_index(op.f("ix_testmon_outcome_nodeid"), "testmon_outcome", ["nodeid"])


def downgrade() -> None:
    op.drop_table("testmon_outcome")
    op.drop_table("testmon_bundle")
