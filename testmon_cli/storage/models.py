"""The tables of the datafile, from which statements and docs are made."""

# ruff: noqa: D101 - the comment of each table says what a row of it is

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from testmon_cli.domain.records import RESOURCE_KINDS, SUBJECT_KINDS, TEST_KINDS

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _one_of(kinds: Sequence[str]) -> str:
    """Kinds as the comment of a column."""
    return f"{', '.join(kinds[:-1])} or {kinds[-1]}"


class Base(DeclarativeBase):
    """The base of every table: one metadata with named constraints."""

    metadata = MetaData(naming_convention=NAMING)


class Environment(Base):
    __tablename__ = "environment"
    __table_args__ = (
        UniqueConstraint("name", "python", "platform"),
        {"comment": "a row per place where tests ran, as far as outcomes may differ"},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(Text, comment="name that the user gave it")
    python: Mapped[str] = mapped_column(
        Text,
        comment='Python version, like "3.12", with its name if it is not CPython and its flags, like "3.13t"',
    )
    platform: Mapped[str] = mapped_column(Text, comment='system and machine, like "linux-x86_64"')


class PackageSet(Base):
    __tablename__ = "package_set"
    __table_args__ = ({"comment": "a row per set of installed distributions that a run saw"},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(Text, unique=True, comment="blake2b of packages")
    packages: Mapped[str] = mapped_column(
        Text, comment="JSON: a list of [name, version, digest, modules, requires]"
    )


class FactSet(Base):
    __tablename__ = "fact_set"
    __table_args__ = (
        {"comment": "a row per set of facts about a session; runs that saw the same share it"},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(Text, unique=True, comment="blake2b of the facts' JSON")
    facts: Mapped[bytes] = mapped_column(
        LargeBinary, comment="JSON packed by zlib: import edges, pytest settings, plugins, modules"
    )


class Source(Base):
    __tablename__ = "source"
    __table_args__ = ({"comment": "a row per source file"},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    path: Mapped[str] = mapped_column(
        Text, unique=True, comment="relative to the root, with forward slashes"
    )


class SourceVersion(Base):
    __tablename__ = "source_version"
    __table_args__ = (
        UniqueConstraint("source_id", "digest", "model_key"),
        {"comment": "a row per content of a source file that a run saw"},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), comment="the file")
    digest: Mapped[str] = mapped_column(Text, comment="blake2b of the content")
    model_key: Mapped[str] = mapped_column(Text, comment="which analysis made the model")
    size: Mapped[int] = mapped_column(
        BigInteger, comment="bytes; with mtime_ns a hint that spares hashing"
    )
    mtime_ns: Mapped[int] = mapped_column(
        BigInteger, comment="time of last change when it was last seen"
    )


class SourceModel(Base):
    __tablename__ = "source_model"
    __table_args__ = ({"comment": "a row per source version: what the analysis made of it"},)

    version_id: Mapped[int] = mapped_column(
        Integer, ForeignKey("source_version.id"), primary_key=True, comment="the source version"
    )
    names: Mapped[bytes] = mapped_column(
        LargeBinary, comment="sorted 4-byte hashes of all identifiers it mentions"
    )
    model: Mapped[bytes] = mapped_column(
        LargeBinary, comment="blocks and definitions; empty when it does not parse"
    )


class Snapshot(Base):
    __tablename__ = "snapshot"
    __table_args__ = ({"comment": "a row per state of all source files that a run saw"},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(Text, unique=True, comment="blake2b of versions")
    versions: Mapped[bytes] = mapped_column(
        LargeBinary,
        comment="ids of source versions: sorted, each but the first less the one before, as varints",
    )


class Run(Base):
    __tablename__ = "run"
    __table_args__ = ({"comment": "a row per testmon collect"},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    environment_id: Mapped[int] = mapped_column(
        ForeignKey("environment.id"), comment="where it ran"
    )
    package_set_id: Mapped[int] = mapped_column(
        ForeignKey("package_set.id"), comment="what was installed"
    )
    snapshot_id: Mapped[int | None] = mapped_column(
        ForeignKey("snapshot.id"), comment="the source files it saw"
    )
    fact_set_id: Mapped[int | None] = mapped_column(
        ForeignKey("fact_set.id"), comment="what the session told"
    )
    started: Mapped[float] = mapped_column(Float, comment="seconds since the epoch")
    ended: Mapped[float | None] = mapped_column(
        Float, comment="empty while it goes on and when it was killed"
    )
    completed: Mapped[bool] = mapped_column(
        Boolean, comment="whether pytest got to the end of its session"
    )
    exitstatus: Mapped[int | None] = mapped_column(Integer, comment="of pytest")
    arguments: Mapped[str] = mapped_column(Text, comment="JSON: what pytest was called with")
    git_head: Mapped[str] = mapped_column(
        Text, comment="commit that was checked out; empty without git"
    )
    git_dirty: Mapped[bool] = mapped_column(Boolean, comment="whether files differed from git_head")
    engine: Mapped[str] = mapped_column(Text, comment="what observed the tests")
    version: Mapped[str] = mapped_column(Text, comment="of testmon")


class Subject(Base):
    __tablename__ = "subject"
    __table_args__ = (
        UniqueConstraint("name", "kind"),
        {
            "comment": "a row per thing that can leave a trace: test, fixture, module import, collector or session"
        },
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, comment=_one_of(SUBJECT_KINDS))
    name: Mapped[str] = mapped_column(
        Text,
        comment="of a test or collector its nodeid, of a module its path; empty for the session",
    )


class Test(Base):
    __tablename__ = "test"
    __table_args__ = ({"comment": "a row per test"},)

    id: Mapped[int] = mapped_column(
        Integer,
        ForeignKey("subject.id"),
        primary_key=True,
        comment="the subject whose name is the nodeid",
    )
    path: Mapped[str] = mapped_column(Text, comment="file it was collected from")
    function: Mapped[str] = mapped_column(
        Text, comment="qualified name of the test function; empty without one"
    )
    kind: Mapped[str] = mapped_column(Text, comment=_one_of(TEST_KINDS))


class Trace(Base):
    __tablename__ = "trace"
    __table_args__ = (
        UniqueConstraint("run_id", "subject_id"),
        {
            "comment": "a row per thing that was observed in a run, with what it relied on in the tables below"
        },
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), comment="the run")
    subject_id: Mapped[int] = mapped_column(ForeignKey("subject.id"), comment="what was observed")
    unknown: Mapped[str] = mapped_column(
        Text, comment="why the record has gaps; empty when it has none"
    )
    complete: Mapped[bool] = mapped_column(
        Boolean, comment="whether it was over: a fixture before its teardown is not"
    )


class Execution(Base):
    __tablename__ = "execution"
    __table_args__ = ({"comment": "a row per test and run: how it came out"},)

    trace_id: Mapped[int] = mapped_column(
        Integer,
        ForeignKey("trace.id"),
        primary_key=True,
        comment="what the test relied on in that run",
    )
    outcome: Mapped[str] = mapped_column(
        Text, comment="passed, failed, error, skipped, xfailed or xpassed"
    )
    duration: Mapped[float] = mapped_column(Float, comment="seconds for setup, call and teardown")
    always: Mapped[str] = mapped_column(
        Text, comment="why the test is selected every time; empty when it is not"
    )


class Failure(Base):
    __tablename__ = "failure"
    __table_args__ = (
        {"comment": "a row per execution that has something to say about its failure"},
    )

    trace_id: Mapped[int] = mapped_column(
        Integer, ForeignKey("execution.trace_id"), primary_key=True, comment="the execution"
    )
    text: Mapped[bytes] = mapped_column(LargeBinary, comment="the failure text, packed by zlib")


class Block(Base):
    __tablename__ = "block"
    __table_args__ = (
        {
            "comment": "a row per checksum in a source file that a trace relied on, or on another of the same text",
            "sqlite_with_rowid": False,
        },
    )

    source_id: Mapped[int] = mapped_column(
        ForeignKey("source.id"), primary_key=True, comment="the file"
    )
    number: Mapped[int] = mapped_column(
        Integer, primary_key=True, comment="counts from 1 in each file"
    )
    checksum: Mapped[int] = mapped_column(BigInteger, comment="64 bits, signed")


class Fingerprint(Base):
    __tablename__ = "fingerprint"
    __table_args__ = (
        UniqueConstraint("source_id", "blocks"),
        {"comment": "a row per set of blocks of a file that traces relied on; equal sets share it"},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), comment="the file")
    blocks: Mapped[bytes] = mapped_column(
        LargeBinary,
        comment="block numbers: sorted, each but the first less the one before, as varints",
    )


class FingerprintSet(Base):
    __tablename__ = "fingerprint_set"
    __table_args__ = (
        {"comment": "a row per set of fingerprints that traces relied on; equal sets share it"},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    fingerprints: Mapped[bytes] = mapped_column(
        LargeBinary,
        unique=True,
        comment="ids of fingerprints: sorted, each but the first less the one before, as varints",
    )


class FingerprintInSet(Base):
    __tablename__ = "fingerprint_in_set"
    __table_args__ = (
        {
            "comment": "a row per fingerprint and set it is in: `fingerprint_set`, from the other side",
            "sqlite_with_rowid": False,
        },
    )

    fingerprint_id: Mapped[int] = mapped_column(
        ForeignKey("fingerprint.id"), primary_key=True, comment="the blocks of one file"
    )
    set_id: Mapped[int] = mapped_column(
        ForeignKey("fingerprint_set.id"), primary_key=True, comment="the set"
    )


class TraceSet(Base):
    __tablename__ = "trace_set"
    __table_args__ = (
        Index(None, "set_id"),
        {"comment": "a row per trace that relied on code"},
    )

    trace_id: Mapped[int] = mapped_column(
        Integer, ForeignKey("trace.id"), primary_key=True, comment="the trace"
    )
    set_id: Mapped[int] = mapped_column(
        ForeignKey("fingerprint_set.id"), comment="what it relied on"
    )


class TraceUse(Base):
    __tablename__ = "trace_use"
    __table_args__ = (
        {
            "comment": "a row per trace and other trace of the same run it relies on",
            "sqlite_with_rowid": False,
        },
    )

    user_id: Mapped[int] = mapped_column(
        ForeignKey("trace.id"), primary_key=True, comment="who relies, like a test"
    )
    used_id: Mapped[int] = mapped_column(
        ForeignKey("trace.id"), primary_key=True, comment="on what, like a fixture"
    )


class Resource(Base):
    __tablename__ = "resource"
    __table_args__ = (
        UniqueConstraint("kind", "name"),
        {"comment": "a row per thing besides code that a trace relied on"},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, comment=_one_of(RESOURCE_KINDS))
    name: Mapped[str] = mapped_column(
        Text, comment="path, name of the variable or pattern of files"
    )


class ResourceState(Base):
    __tablename__ = "resource_state"
    __table_args__ = (
        UniqueConstraint("resource_id", "state"),
        {"comment": "a row per state in which a resource was found"},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    resource_id: Mapped[int] = mapped_column(ForeignKey("resource.id"), comment="the resource")
    state: Mapped[str] = mapped_column(Text, comment="digest, missing or keyed hash of the value")
    size: Mapped[int] = mapped_column(
        BigInteger, comment="bytes of a file, with mtime_ns a hint; -1 for others"
    )
    mtime_ns: Mapped[int] = mapped_column(
        BigInteger, comment="when the file was last changed; -1 for others"
    )


class Origin(Base):
    __tablename__ = "origin"
    __table_args__ = ({"comment": "a row per place in code from where a resource was asked for"},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    frames: Mapped[str] = mapped_column(
        Text,
        unique=True,
        comment="path, qualified name and line, tabs between; a line per frame, innermost first",
    )


class TraceResource(Base):
    __tablename__ = "trace_resource"
    __table_args__ = (
        {
            "comment": "a row per trace and resource state it relies on",
            "sqlite_with_rowid": False,
        },
    )

    trace_id: Mapped[int] = mapped_column(
        ForeignKey("trace.id"), primary_key=True, comment="who relied on it"
    )
    resource_state_id: Mapped[int] = mapped_column(
        ForeignKey("resource_state.id"), primary_key=True, comment="how the resource was found"
    )
    origin_id: Mapped[int] = mapped_column(
        ForeignKey("origin.id"), comment="from where it was asked for"
    )


class Exchanged(Base):
    __tablename__ = "exchanged"
    __table_args__ = (
        {
            "comment": "a row per bundle that was pulled from a hub or pushed to one, so that neither is repeated"
        },
    )

    content: Mapped[str] = mapped_column(Text, primary_key=True, comment="SHA-256 of its evidence")
    run_key: Mapped[str] = mapped_column(
        Text, comment="digest of what tells its run from others, on every machine"
    )
    executions: Mapped[int] = mapped_column(Integer, comment="how many it has")
    ended: Mapped[bool] = mapped_column(Boolean, comment="whether its run had ended")
