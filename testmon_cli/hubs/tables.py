"""The tables of a hub in PostgreSQL.

They hold bundles with their headers, and outcomes for queries.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
)

from testmon_cli.storage.models import NAMING

VERSION_TABLE: Final = "testmon_hub_version"
metadata: Final = MetaData(naming_convention=NAMING)

bundle: Final = Table(
    "testmon_bundle",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column(
        "name",
        Text,
        nullable=False,
        unique=True,
        comment="what the hub calls it: origin, time, commit, content",
    ),
    Column("content", Text, nullable=False, comment="SHA-256 of the evidence"),
    Column(
        "pushed",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="when it came",
    ),
    Column("started", DateTime(timezone=True), nullable=False, comment="when its run began"),
    Column("environment", Text, nullable=False, comment="name that the user gave it"),
    Column("python", Text, nullable=False, comment="Python version"),
    Column("platform", Text, nullable=False, comment="system and machine"),
    Column("provider", Text, nullable=False, comment="of continuous integration, or local"),
    Column("event", Text, nullable=False, comment="push, merge-queue, pull-request or local"),
    Column(
        "ref", Text, nullable=False, comment="branch; others than branches have their full name"
    ),
    Column(
        "base",
        Text,
        nullable=False,
        comment="the branch into which it is to be merged; empty where there is none",
    ),
    Column("commit", Text, nullable=False, comment="that was checked out"),
    Column("workflow", Text, nullable=False, comment="of the provider"),
    Column("job", Text, nullable=False, comment="of the provider"),
    Column("actor", Text, nullable=False, comment="who caused the run"),
    Column("tests", Integer, nullable=False, comment="how many it tells of"),
    Column("executions", Integer, nullable=False, comment="how many it has"),
    Column("testmon", Text, nullable=False, comment="version that wrote it"),
    Column("signature", Text, nullable=False, comment="empty without one"),
    Column("size", BigInteger, nullable=False, comment="bytes of data"),
    Column("data", LargeBinary, nullable=False, comment="the bundle"),
    comment="a row per bundle",
)

outcome: Final = Table(
    "testmon_outcome",
    metadata,
    Column(
        "bundle_id",
        BigInteger,
        ForeignKey("testmon_bundle.id", ondelete="CASCADE"),
        primary_key=True,
        comment="the bundle, and so the run",
    ),
    Column("nodeid", Text, primary_key=True, comment="the test"),
    Column(
        "outcome",
        Text,
        nullable=False,
        comment="passed, failed, error, skipped, xfailed or xpassed",
    ),
    Column("seconds", Float, nullable=False, comment="for setup, call and teardown"),
    Column(
        "relied",
        Text,
        nullable=False,
        comment="digest of all that it relied on: code, files, variables, fixtures",
    ),
    Index(None, "nodeid"),
    comment="a row per test and bundle: how it came out",
)
