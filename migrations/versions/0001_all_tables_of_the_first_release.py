"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA application_id = 0x544D4F4E")  # "TMON": marks the file as ours
    op.create_table(
        "environment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="name that the user gave it"),
        sa.Column("python", sa.Text(), nullable=False, comment='Python version, like "3.12"'),
        sa.Column("platform", sa.Text(), nullable=False, comment="sys.platform"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment")),
        sa.UniqueConstraint(
            "name", "python", "platform", name=op.f("uq_environment_name_python_platform")
        ),
        comment="a row per place where tests ran, as far as outcomes may differ",
    )
    op.create_table(
        "fact_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="blake2b of the facts' JSON"),
        sa.Column(
            "facts",
            sa.LargeBinary(),
            nullable=False,
            comment="JSON packed by zlib: import edges, pytest settings, plugins, modules",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_set")),
        sa.UniqueConstraint("digest", name=op.f("uq_fact_set_digest")),
        comment="a row per set of facts about a session; runs that saw the same share it",
    )
    op.create_table(
        "origin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "frames",
            sa.Text(),
            nullable=False,
            comment="path, qualified name and line, tabs between; a line per frame, innermost first",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_origin")),
        sa.UniqueConstraint("frames", name=op.f("uq_origin_frames")),
        comment="a row per place in code from where a resource was asked for",
    )
    op.create_table(
        "package_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="blake2b of packages"),
        sa.Column(
            "packages",
            sa.Text(),
            nullable=False,
            comment="JSON: a list of [name, version, digest, modules, requires]",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_set")),
        sa.UniqueConstraint("digest", name=op.f("uq_package_set_digest")),
        comment="a row per set of installed distributions that a run saw",
    )
    op.create_table(
        "resource",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="file, directory, environment, distribution or config",
        ),
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="path, name of the variable or name of the distribution",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_resource_kind_name")),
        comment="a row per thing besides code that a trace relied on",
    )
    op.create_table(
        "snapshot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="blake2b of versions"),
        sa.Column(
            "versions",
            sa.LargeBinary(),
            nullable=False,
            comment="ids of source versions: sorted, each but the first less the one before, as varints",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("digest", name=op.f("uq_snapshot_digest")),
        comment="a row per state of all source files that a run saw",
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "path", sa.Text(), nullable=False, comment="relative to the root, with forward slashes"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("path", name=op.f("uq_source_path")),
        comment="a row per source file",
    )
    op.create_table(
        "subject",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="test, fixture, module or collect"),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="of a test its nodeid, of a module its path"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject")),
        sa.UniqueConstraint("name", "kind", name=op.f("uq_subject_name_kind")),
        comment="a row per thing that can leave a trace: test, fixture instance, module import",
    )
    op.create_table(
        "block",
        sa.Column("source_id", sa.Integer(), nullable=False, comment="the file"),
        sa.Column("number", sa.Integer(), nullable=False, comment="counts from 1 in each file"),
        sa.Column("checksum", sa.BigInteger(), nullable=False, comment="64 bits, signed"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_block_source_id_source")
        ),
        sa.PrimaryKeyConstraint("source_id", "number", name=op.f("pk_block")),
        comment="a row per checksum that a trace relied on in a source file",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fingerprint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False, comment="the file"),
        sa.Column(
            "blocks",
            sa.LargeBinary(),
            nullable=False,
            comment="block numbers: sorted, each but the first less the one before, as varints",
        ),
        sa.UniqueConstraint("source_id", "blocks", name=op.f("uq_fingerprint_source_id_blocks")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_fingerprint_source_id_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fingerprint")),
        comment="a row per set of blocks of a file that traces relied on; equal sets share it",
    )
    op.create_table(
        "resource_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resource_id", sa.Integer(), nullable=False, comment="the resource"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="digest, missing, keyed hash of the value or version",
        ),
        sa.Column(
            "size",
            sa.BigInteger(),
            nullable=False,
            comment="bytes of a file, with mtime_ns a hint; -1 for others",
        ),
        sa.Column(
            "mtime_ns",
            sa.BigInteger(),
            nullable=False,
            comment="when the file was last changed; -1 for others",
        ),
        sa.UniqueConstraint(
            "resource_id", "state", name=op.f("uq_resource_state_resource_id_state")
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_resource_state_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_state")),
        comment="a row per state in which a resource was found",
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("environment_id", sa.Integer(), nullable=False, comment="where it ran"),
        sa.Column("package_set_id", sa.Integer(), nullable=False, comment="what was installed"),
        sa.Column("snapshot_id", sa.Integer(), nullable=True, comment="the source files it saw"),
        sa.Column("fact_set_id", sa.Integer(), nullable=True, comment="what the session told"),
        sa.Column("started", sa.Float(), nullable=False, comment="seconds since the epoch"),
        sa.Column(
            "ended",
            sa.Float(),
            nullable=True,
            comment="empty while it goes on and when it was killed",
        ),
        sa.Column(
            "completed",
            sa.Boolean(),
            nullable=False,
            comment="whether pytest got to the end of its session",
        ),
        sa.Column("exitstatus", sa.Integer(), nullable=True, comment="of pytest"),
        sa.Column(
            "arguments", sa.Text(), nullable=False, comment="JSON: what pytest was called with"
        ),
        sa.Column(
            "git_head",
            sa.Text(),
            nullable=False,
            comment="commit that was checked out; empty without git",
        ),
        sa.Column(
            "git_dirty",
            sa.Boolean(),
            nullable=False,
            comment="whether files differed from git_head",
        ),
        sa.Column("engine", sa.Text(), nullable=False, comment="what observed the tests"),
        sa.Column("version", sa.Text(), nullable=False, comment="of testmon"),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name=op.f("fk_run_environment_id_environment")
        ),
        sa.ForeignKeyConstraint(
            ["package_set_id"], ["package_set.id"], name=op.f("fk_run_package_set_id_package_set")
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshot.id"], name=op.f("fk_run_snapshot_id_snapshot")
        ),
        sa.ForeignKeyConstraint(
            ["fact_set_id"], ["fact_set.id"], name=op.f("fk_run_fact_set_id_fact_set")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        comment="a row per testmon collect",
    )
    op.create_table(
        "source_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False, comment="the file"),
        sa.Column("digest", sa.Text(), nullable=False, comment="blake2b of the content"),
        sa.Column("model_key", sa.Text(), nullable=False, comment="which analysis made the model"),
        sa.Column(
            "size",
            sa.BigInteger(),
            nullable=False,
            comment="bytes; with mtime_ns a hint that spares hashing",
        ),
        sa.Column(
            "mtime_ns",
            sa.BigInteger(),
            nullable=False,
            comment="time of last change when it was last seen",
        ),
        sa.UniqueConstraint(
            "source_id",
            "digest",
            "model_key",
            name=op.f("uq_source_version_source_id_digest_model_key"),
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_source_version_source_id_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_version")),
        comment="a row per content of a source file that a run saw",
    )
    op.create_table(
        "test",
        sa.Column(
            "id", sa.Integer(), nullable=False, comment="the subject whose name is the nodeid"
        ),
        sa.Column("path", sa.Text(), nullable=False, comment="file it was collected from"),
        sa.Column(
            "function",
            sa.Text(),
            nullable=False,
            comment="qualified name of the test function; empty without one",
        ),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="function, unittest, doctest or other"
        ),
        sa.ForeignKeyConstraint(["id"], ["subject.id"], name=op.f("fk_test_id_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test")),
        comment="a row per test",
    )
    op.create_table(
        "source_model",
        sa.Column("version_id", sa.Integer(), nullable=False, comment="the source version"),
        sa.Column(
            "names",
            sa.LargeBinary(),
            nullable=False,
            comment="sorted 4-byte hashes of all identifiers it mentions",
        ),
        sa.Column(
            "model",
            sa.LargeBinary(),
            nullable=False,
            comment="blocks and definitions; empty when it does not parse",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["source_version.id"],
            name=op.f("fk_source_model_version_id_source_version"),
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_source_model")),
        comment="a row per source version: what the analysis made of it",
    )
    op.create_table(
        "trace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False, comment="the run"),
        sa.Column("subject_id", sa.Integer(), nullable=False, comment="what was observed"),
        sa.Column(
            "unknown",
            sa.Text(),
            nullable=False,
            comment="why the record has gaps; empty when it has none",
        ),
        sa.Column(
            "complete",
            sa.Boolean(),
            nullable=False,
            comment="whether it was over: a fixture before its teardown is not",
        ),
        sa.UniqueConstraint("run_id", "subject_id", name=op.f("uq_trace_run_id_subject_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_trace_run_id_run")),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subject.id"], name=op.f("fk_trace_subject_id_subject")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace")),
        comment="a row per thing that was observed in a run, with what it relied on in the tables below",
    )
    op.create_table(
        "execution",
        sa.Column(
            "trace_id", sa.Integer(), nullable=False, comment="what the test relied on in that run"
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="passed, failed, error, skipped, xfailed or xpassed",
        ),
        sa.Column(
            "duration", sa.Float(), nullable=False, comment="seconds for setup, call and teardown"
        ),
        sa.Column(
            "always",
            sa.Text(),
            nullable=False,
            comment="why the test is selected every time; empty when it is not",
        ),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["trace.id"], name=op.f("fk_execution_trace_id_trace")
        ),
        sa.PrimaryKeyConstraint("trace_id", name=op.f("pk_execution")),
        comment="a row per test and run: how it came out",
    )
    op.create_table(
        "trace_fingerprint",
        sa.Column("fingerprint_id", sa.Integer(), nullable=False, comment="the blocks of one file"),
        sa.Column("trace_id", sa.Integer(), nullable=False, comment="who relied on them"),
        sa.ForeignKeyConstraint(
            ["fingerprint_id"],
            ["fingerprint.id"],
            name=op.f("fk_trace_fingerprint_fingerprint_id_fingerprint"),
        ),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["trace.id"], name=op.f("fk_trace_fingerprint_trace_id_trace")
        ),
        sa.PrimaryKeyConstraint("fingerprint_id", "trace_id", name=op.f("pk_trace_fingerprint")),
        comment="a row per trace and fingerprint it relies on",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("trace_fingerprint", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_trace_fingerprint_trace_id"), ["trace_id"], unique=False
        )

    op.create_table(
        "trace_resource",
        sa.Column("trace_id", sa.Integer(), nullable=False, comment="who relied on it"),
        sa.Column(
            "resource_state_id", sa.Integer(), nullable=False, comment="how the resource was found"
        ),
        sa.Column("origin_id", sa.Integer(), nullable=False, comment="from where it was asked for"),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["trace.id"], name=op.f("fk_trace_resource_trace_id_trace")
        ),
        sa.ForeignKeyConstraint(
            ["resource_state_id"],
            ["resource_state.id"],
            name=op.f("fk_trace_resource_resource_state_id_resource_state"),
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"], ["origin.id"], name=op.f("fk_trace_resource_origin_id_origin")
        ),
        sa.PrimaryKeyConstraint("trace_id", "resource_state_id", name=op.f("pk_trace_resource")),
        comment="a row per trace and resource state it relies on",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trace_use",
        sa.Column("user_id", sa.Integer(), nullable=False, comment="who relies, like a test"),
        sa.Column("used_id", sa.Integer(), nullable=False, comment="on what, like a fixture"),
        sa.ForeignKeyConstraint(["user_id"], ["trace.id"], name=op.f("fk_trace_use_user_id_trace")),
        sa.ForeignKeyConstraint(["used_id"], ["trace.id"], name=op.f("fk_trace_use_used_id_trace")),
        sa.PrimaryKeyConstraint("user_id", "used_id", name=op.f("pk_trace_use")),
        comment="a row per trace and other trace of the same run it relies on",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "failure",
        sa.Column("trace_id", sa.Integer(), nullable=False, comment="the execution"),
        sa.Column(
            "text", sa.LargeBinary(), nullable=False, comment="the failure text, packed by zlib"
        ),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["execution.trace_id"], name=op.f("fk_failure_trace_id_execution")
        ),
        sa.PrimaryKeyConstraint("trace_id", name=op.f("pk_failure")),
        comment="a row per execution that has something to say about its failure",
    )
