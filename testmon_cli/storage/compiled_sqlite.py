"""SQL of statements and models: made by `python -m testmon_cli.storage.generate`, do not edit."""

# ruff: noqa: D101, D103, E501
# fmt: off

from __future__ import annotations

from typing import TYPE_CHECKING

from testmon_cli.storage.query import Change, Insert, Query

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypedDict

    from testmon_cli.storage.query import Array

    class EnvironmentsRow(TypedDict):
        name: str
        python: str
        platform: str

    class EnvironmentIdRow(TypedDict):
        id: int

    class RunsRow(TypedDict):
        id: int
        environment: str
        python: str
        platform: str
        started: float
        ended: float | None
        completed: int
        exitstatus: int | None
        arguments: str
        git_head: str
        git_dirty: int
        engine: str
        version: str
        snapshot_id: int | None
        fact_set_id: int | None

    class RunOrderRow(TypedDict):
        id: int
        started: float
        fact_set_id: int | None

    class RunsInRow(TypedDict):
        id: int
        environment: str
        python: str
        platform: str
        started: float
        ended: float | None
        completed: int
        exitstatus: int | None
        arguments: str
        git_head: str
        git_dirty: int
        engine: str
        version: str
        snapshot_id: int | None
        fact_set_id: int | None

    class FactsRow(TypedDict):
        facts: bytes

    class PackagesRow(TypedDict):
        packages: str

    class SnapshotVersionsRow(TypedDict):
        versions: bytes

    class VersionsRow(TypedDict):
        id: int
        path: str
        digest: str
        model_key: str
        size: int
        mtime_ns: int

    class KnownVersionRow(TypedDict):
        id: int

    class ModelsRow(TypedDict):
        version_id: int
        model: bytes

    class NamesRow(TypedDict):
        version_id: int
        names: bytes

    class ExecutionsRow(TypedDict):
        trace_id: str
        run_id: str
        nodeid: str
        path: str
        function: str
        kind: str
        outcome: str
        duration: str
        always: str
        unknown: str

    class HeadsRow(TypedDict):
        run_id: int
        test_ids: str
        trace_ids: str
        durations: str

    class ExecutionsOfRow(TypedDict):
        trace_id: str
        run_id: str
        nodeid: str
        path: str
        function: str
        kind: str
        outcome: str
        duration: str
        always: str
        unknown: str

    class ExecutionsNamedRow(TypedDict):
        trace_id: str
        run_id: str
        nodeid: str
        path: str
        function: str
        kind: str
        outcome: str
        duration: str
        always: str
        unknown: str

    class TestsRow(TypedDict):
        trace_id: int
        nodeid: str
        path: str
        function: str
        kind: str

    class TestsInRow(TypedDict):
        id: int

    class TestsBelowRow(TypedDict):
        id: int

    class RanBelowRow(TypedDict):
        name: str
        run_id: int

    class RanRow(TypedDict):
        name: str

    class BesidesRow(TypedDict):
        id: int

    class RemarkableRow(TypedDict):
        trace_id: str
        run_id: str
        nodeid: str
        path: str
        function: str
        kind: str
        outcome: str
        duration: str
        always: str
        unknown: str

    class TestFilesRow(TypedDict):
        file: str

    class TotalsRow(TypedDict):
        count: int
        total: float

    class FingerprintsRow(TypedDict):
        id: int
        source_id: int
        blocks: bytes

    class FingerprintsOfRow(TypedDict):
        id: int
        source_id: int
        blocks: bytes

    class SetsOfRow(TypedDict):
        trace_id: int
        fingerprints: bytes

    class BlocksRow(TypedDict):
        source_id: int
        number: int
        checksum: int

    class SourceIdsRow(TypedDict):
        id: int
        path: str

    class SourcePathsRow(TypedDict):
        id: int
        path: str

    class TracesWithRow(TypedDict):
        fingerprint_id: int
        trace_id: int

    class TraceListsWithRow(TypedDict):
        fingerprint_id: int
        traces: str

    class FingerprintIdsRow(TypedDict):
        path: str
        fingerprints: str

    class UsesRow(TypedDict):
        user_id: int
        used_id: int

    class TracesRow(TypedDict):
        id: int
        run_id: int
        kind: str
        name: str
        unknown: str
        complete: int

    class TraceIdsRow(TypedDict):
        json_group_array: str

    class ResourcesRow(TypedDict):
        trace_id: int
        resource_state_id: int

    class ReliesOnRow(TypedDict):
        trace_id: int

    class ReadingsRow(TypedDict):
        trace_id: int
        resource_state_id: int
        frames: str

    class GapsRow(TypedDict):
        id: int

    class ResourceStatesRow(TypedDict):
        id: int
        kind: str
        name: str
        state: str
        size: int
        mtime_ns: int

    class TraceResourcesRow(TypedDict):
        resource_state_id: int
        kind: str
        name: str
        state: str
        size: int
        mtime_ns: int
        frames: str

    class FailuresRow(TypedDict):
        trace_id: int
        text: bytes

    class AddEnvironmentValues(TypedDict):
        name: str
        python: str
        platform: str

    class AddPackageSetValues(TypedDict):
        digest: str
        packages: str

    class PackageSetIdRow(TypedDict):
        id: int

    class AddFactSetValues(TypedDict):
        digest: str
        facts: bytes

    class FactSetIdRow(TypedDict):
        id: int

    class AddRunValues(TypedDict):
        environment_id: int
        package_set_id: int
        snapshot_id: int | None
        fact_set_id: int | None
        started: float
        ended: float | None
        completed: int
        exitstatus: int | None
        arguments: str
        git_head: str
        git_dirty: int
        engine: str
        version: str

    class AddSnapshotValues(TypedDict):
        digest: str
        versions: bytes

    class SnapshotIdRow(TypedDict):
        id: int

    class AddSourceValues(TypedDict):
        path: str

    class AddVersionValues(TypedDict):
        source_id: int
        digest: str
        model_key: str
        size: int
        mtime_ns: int

    class VersionIdsRow(TypedDict):
        id: int
        source_id: int
        digest: str
        model_key: str

    class AddModelValues(TypedDict):
        version_id: int
        names: bytes
        model: bytes

    class LastSubjectRow(TypedDict):
        max: int

    class AddSubjectValues(TypedDict):
        id: int
        kind: str
        name: str

    class SubjectIdsRow(TypedDict):
        id: int
        name: str
        kind: str

    class PutTestValues(TypedDict):
        id: int
        path: str
        function: str
        kind: str

    class RunTracesRow(TypedDict):
        id: int
        subject_id: int
        unknown: str
        complete: int

    class LastTraceRow(TypedDict):
        max: int

    class AddTraceValues(TypedDict):
        id: int
        run_id: int
        subject_id: int
        unknown: str
        complete: int

    class PutExecutionValues(TypedDict):
        trace_id: int
        outcome: str
        duration: float
        always: str

    class AddFailureValues(TypedDict):
        trace_id: int
        text: bytes

    class AddBlockValues(TypedDict):
        source_id: int
        number: int
        checksum: int

    class LastFingerprintRow(TypedDict):
        max: int

    class AddFingerprintValues(TypedDict):
        source_id: int
        blocks: bytes

    class FingerprintsAfterRow(TypedDict):
        id: int
        source_id: int
        blocks: bytes

    class FingerprintIdRow(TypedDict):
        id: int

    class LastSetRow(TypedDict):
        max: int

    class SetIdRow(TypedDict):
        id: int

    class AddSetValues(TypedDict):
        fingerprints: bytes

    class SetsAfterRow(TypedDict):
        id: int
        fingerprints: bytes

    class AddToSetValues(TypedDict):
        fingerprint_id: int
        set_id: int

    class PutTraceSetValues(TypedDict):
        trace_id: int
        set_id: int

    class AddUseValues(TypedDict):
        user_id: int
        used_id: int

    class AddResourceValues(TypedDict):
        kind: str
        name: str

    class ResourceIdsRow(TypedDict):
        id: int
        name: str
        kind: str

    class PutResourceStateValues(TypedDict):
        resource_id: int
        state: str
        size: int
        mtime_ns: int

    class ResourceStateIdsRow(TypedDict):
        id: int
        resource_id: int
        state: str

    class AddOriginValues(TypedDict):
        frames: str

    class OriginIdsRow(TypedDict):
        id: int
        frames: str

    class AddTraceResourceValues(TypedDict):
        trace_id: int
        resource_state_id: int
        origin_id: int

    class RecentRunsRow(TypedDict):
        id: int

    class AllSnapshotsRow(TypedDict):
        versions: bytes

    class EvidenceSubjectsRow(TypedDict):
        id: int
        kind: str
        name: str
        path: str | None
        function: str | None
        test_kind: str | None
        is_run: int

    class SubjectsOfRunRow(TypedDict):
        id: int
        kind: str
        name: str

    class EvidenceSetsRow(TypedDict):
        id: int
        fingerprints: bytes

    class EvidenceStatesRow(TypedDict):
        id: int
        kind: str
        name: str
        state: str

    class EvidenceOriginsRow(TypedDict):
        id: int
        frames: str

    class EvidenceTracesRow(TypedDict):
        id: int
        subject_id: int
        unknown: str
        complete: int
        set_id: int | None
        outcome: str | None
        duration: float | None
        always: str | None
        text: bytes | None

    class EvidenceUsesRow(TypedDict):
        user_id: int
        subject_id: int

    class EvidenceResourcesRow(TypedDict):
        trace_id: int
        resource_state_id: int
        origin_id: int

    class NewestOfTestsRow(TypedDict):
        name: str
        started: float
        path: str
        function: str
        kind: str

    class ExchangedRow(TypedDict):
        content: str
        run_key: str
        executions: int
        ended: int

    class AddExchangedValues(TypedDict):
        content: str
        run_key: str
        executions: int
        ended: int

    class SomeBlocksRow(TypedDict):
        number: int
        checksum: int

    class AddVersionAloneValues(TypedDict):
        source_id: int
        digest: str
        model_key: str
        size: int
        mtime_ns: int

    class PutModelValues(TypedDict):
        version_id: int
        names: bytes
        model: bytes

REVISIONS = ("0001", "0002", "0003", "0004")  # oldest first
TABLES = (
    """CREATE TABLE alembic_version (
version_num VARCHAR(32) NOT NULL,
CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)""",
    """CREATE TABLE environment (
id INTEGER NOT NULL,
name TEXT NOT NULL,
python TEXT NOT NULL,
platform TEXT NOT NULL,
CONSTRAINT pk_environment PRIMARY KEY (id),
CONSTRAINT uq_environment_name_python_platform UNIQUE (name, python, platform)
)""",
    """CREATE TABLE exchanged (
content TEXT NOT NULL,
run_key TEXT NOT NULL,
executions INTEGER NOT NULL,
ended BOOLEAN NOT NULL,
CONSTRAINT pk_exchanged PRIMARY KEY (content)
)""",
    """CREATE TABLE fact_set (
id INTEGER NOT NULL,
digest TEXT NOT NULL,
facts BLOB NOT NULL,
CONSTRAINT pk_fact_set PRIMARY KEY (id),
CONSTRAINT uq_fact_set_digest UNIQUE (digest)
)""",
    """CREATE TABLE fingerprint_set (
id INTEGER NOT NULL,
fingerprints BLOB NOT NULL,
CONSTRAINT pk_fingerprint_set PRIMARY KEY (id),
CONSTRAINT uq_fingerprint_set_fingerprints UNIQUE (fingerprints)
)""",
    """CREATE TABLE origin (
id INTEGER NOT NULL,
frames TEXT NOT NULL,
CONSTRAINT pk_origin PRIMARY KEY (id),
CONSTRAINT uq_origin_frames UNIQUE (frames)
)""",
    """CREATE TABLE package_set (
id INTEGER NOT NULL,
digest TEXT NOT NULL,
packages TEXT NOT NULL,
CONSTRAINT pk_package_set PRIMARY KEY (id),
CONSTRAINT uq_package_set_digest UNIQUE (digest)
)""",
    """CREATE TABLE resource (
id INTEGER NOT NULL,
kind TEXT NOT NULL,
name TEXT NOT NULL,
CONSTRAINT pk_resource PRIMARY KEY (id),
CONSTRAINT uq_resource_kind_name UNIQUE (kind, name)
)""",
    """CREATE TABLE snapshot (
id INTEGER NOT NULL,
digest TEXT NOT NULL,
versions BLOB NOT NULL,
CONSTRAINT pk_snapshot PRIMARY KEY (id),
CONSTRAINT uq_snapshot_digest UNIQUE (digest)
)""",
    """CREATE TABLE source (
id INTEGER NOT NULL,
path TEXT NOT NULL,
CONSTRAINT pk_source PRIMARY KEY (id),
CONSTRAINT uq_source_path UNIQUE (path)
)""",
    """CREATE TABLE subject (
id INTEGER NOT NULL,
kind TEXT NOT NULL,
name TEXT NOT NULL,
CONSTRAINT pk_subject PRIMARY KEY (id),
CONSTRAINT uq_subject_name_kind UNIQUE (name, kind)
)""",
    """CREATE TABLE block (
source_id INTEGER NOT NULL,
number INTEGER NOT NULL,
checksum BIGINT NOT NULL,
CONSTRAINT pk_block PRIMARY KEY (source_id, number),
CONSTRAINT fk_block_source_id_source FOREIGN KEY(source_id) REFERENCES source (id)
)
WITHOUT ROWID""",
    """CREATE TABLE fingerprint (
id INTEGER NOT NULL,
source_id INTEGER NOT NULL,
blocks BLOB NOT NULL,
CONSTRAINT pk_fingerprint PRIMARY KEY (id),
CONSTRAINT uq_fingerprint_source_id_blocks UNIQUE (source_id, blocks),
CONSTRAINT fk_fingerprint_source_id_source FOREIGN KEY(source_id) REFERENCES source (id)
)""",
    """CREATE TABLE resource_state (
id INTEGER NOT NULL,
resource_id INTEGER NOT NULL,
state TEXT NOT NULL,
size BIGINT NOT NULL,
mtime_ns BIGINT NOT NULL,
CONSTRAINT pk_resource_state PRIMARY KEY (id),
CONSTRAINT uq_resource_state_resource_id_state UNIQUE (resource_id, state),
CONSTRAINT fk_resource_state_resource_id_resource FOREIGN KEY(resource_id) REFERENCES resource (id)
)""",
    """CREATE TABLE run (
id INTEGER NOT NULL,
environment_id INTEGER NOT NULL,
package_set_id INTEGER NOT NULL,
snapshot_id INTEGER,
fact_set_id INTEGER,
started FLOAT NOT NULL,
ended FLOAT,
completed BOOLEAN NOT NULL,
exitstatus INTEGER,
arguments TEXT NOT NULL,
git_head TEXT NOT NULL,
git_dirty BOOLEAN NOT NULL,
engine TEXT NOT NULL,
version TEXT NOT NULL,
CONSTRAINT pk_run PRIMARY KEY (id),
CONSTRAINT fk_run_environment_id_environment FOREIGN KEY(environment_id) REFERENCES environment (id),
CONSTRAINT fk_run_package_set_id_package_set FOREIGN KEY(package_set_id) REFERENCES package_set (id),
CONSTRAINT fk_run_snapshot_id_snapshot FOREIGN KEY(snapshot_id) REFERENCES snapshot (id),
CONSTRAINT fk_run_fact_set_id_fact_set FOREIGN KEY(fact_set_id) REFERENCES fact_set (id)
)""",
    """CREATE TABLE source_version (
id INTEGER NOT NULL,
source_id INTEGER NOT NULL,
digest TEXT NOT NULL,
model_key TEXT NOT NULL,
size BIGINT NOT NULL,
mtime_ns BIGINT NOT NULL,
CONSTRAINT pk_source_version PRIMARY KEY (id),
CONSTRAINT uq_source_version_source_id_digest_model_key UNIQUE (source_id, digest, model_key),
CONSTRAINT fk_source_version_source_id_source FOREIGN KEY(source_id) REFERENCES source (id)
)""",
    """CREATE TABLE test (
id INTEGER NOT NULL,
path TEXT NOT NULL,
function TEXT NOT NULL,
kind TEXT NOT NULL,
CONSTRAINT pk_test PRIMARY KEY (id),
CONSTRAINT fk_test_id_subject FOREIGN KEY(id) REFERENCES subject (id)
)""",
    """CREATE TABLE fingerprint_in_set (
fingerprint_id INTEGER NOT NULL,
set_id INTEGER NOT NULL,
CONSTRAINT pk_fingerprint_in_set PRIMARY KEY (fingerprint_id, set_id),
CONSTRAINT fk_fingerprint_in_set_fingerprint_id_fingerprint FOREIGN KEY(fingerprint_id) REFERENCES fingerprint (id),
CONSTRAINT fk_fingerprint_in_set_set_id_fingerprint_set FOREIGN KEY(set_id) REFERENCES fingerprint_set (id)
)
WITHOUT ROWID""",
    """CREATE TABLE source_model (
version_id INTEGER NOT NULL,
names BLOB NOT NULL,
model BLOB NOT NULL,
CONSTRAINT pk_source_model PRIMARY KEY (version_id),
CONSTRAINT fk_source_model_version_id_source_version FOREIGN KEY(version_id) REFERENCES source_version (id)
)""",
    """CREATE TABLE trace (
id INTEGER NOT NULL,
run_id INTEGER NOT NULL,
subject_id INTEGER NOT NULL,
unknown TEXT NOT NULL,
complete BOOLEAN NOT NULL,
CONSTRAINT pk_trace PRIMARY KEY (id),
CONSTRAINT uq_trace_run_id_subject_id UNIQUE (run_id, subject_id),
CONSTRAINT fk_trace_run_id_run FOREIGN KEY(run_id) REFERENCES run (id),
CONSTRAINT fk_trace_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id)
)""",
    """CREATE TABLE execution (
trace_id INTEGER NOT NULL,
outcome TEXT NOT NULL,
duration FLOAT NOT NULL,
always TEXT NOT NULL,
CONSTRAINT pk_execution PRIMARY KEY (trace_id),
CONSTRAINT fk_execution_trace_id_trace FOREIGN KEY(trace_id) REFERENCES trace (id)
)""",
    """CREATE TABLE trace_resource (
trace_id INTEGER NOT NULL,
resource_state_id INTEGER NOT NULL,
origin_id INTEGER NOT NULL,
CONSTRAINT pk_trace_resource PRIMARY KEY (trace_id, resource_state_id),
CONSTRAINT fk_trace_resource_trace_id_trace FOREIGN KEY(trace_id) REFERENCES trace (id),
CONSTRAINT fk_trace_resource_resource_state_id_resource_state FOREIGN KEY(resource_state_id) REFERENCES resource_state (id),
CONSTRAINT fk_trace_resource_origin_id_origin FOREIGN KEY(origin_id) REFERENCES origin (id)
)
WITHOUT ROWID""",
    """CREATE TABLE trace_set (
trace_id INTEGER NOT NULL,
set_id INTEGER NOT NULL,
CONSTRAINT pk_trace_set PRIMARY KEY (trace_id),
CONSTRAINT fk_trace_set_trace_id_trace FOREIGN KEY(trace_id) REFERENCES trace (id),
CONSTRAINT fk_trace_set_set_id_fingerprint_set FOREIGN KEY(set_id) REFERENCES fingerprint_set (id)
)""",
    "CREATE INDEX ix_trace_set_set_id ON trace_set (set_id)",
    """CREATE TABLE trace_use (
user_id INTEGER NOT NULL,
used_id INTEGER NOT NULL,
CONSTRAINT pk_trace_use PRIMARY KEY (user_id, used_id),
CONSTRAINT fk_trace_use_user_id_trace FOREIGN KEY(user_id) REFERENCES trace (id),
CONSTRAINT fk_trace_use_used_id_trace FOREIGN KEY(used_id) REFERENCES trace (id)
)
WITHOUT ROWID""",
    """CREATE TABLE failure (
trace_id INTEGER NOT NULL,
text BLOB NOT NULL,
CONSTRAINT pk_failure PRIMARY KEY (trace_id),
CONSTRAINT fk_failure_trace_id_execution FOREIGN KEY(trace_id) REFERENCES execution (trace_id)
)""",
)


def environments() -> Query[EnvironmentsRow, tuple[str, str, str], str]:
    return Query("""SELECT environment.name, environment.python, environment.platform
FROM environment ORDER BY environment.id""", {})


def environment_id(*, name: str, python: str, platform: str) -> Query[EnvironmentIdRow, tuple[int], int]:
    return Query("""SELECT environment.id
FROM environment
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform""", {"name": name, "python": python, "platform": platform})


def runs() -> Query[RunsRow, tuple[int, str, str, str, float, float | None, int, int | None, str, str, int, str, str, int | None, int | None], int]:
    return Query("""SELECT run.id, environment.name AS environment, environment.python, environment.platform, run.started, run.ended, run.completed, run.exitstatus, run.arguments, run.git_head, run.git_dirty, run.engine, run.version, run.snapshot_id, run.fact_set_id
FROM run JOIN environment ON environment.id = run.environment_id ORDER BY run.id DESC""", {})


def run_order() -> Query[RunOrderRow, tuple[int, float, int | None], int]:
    return Query("""SELECT run.id, run.started, run.fact_set_id
FROM run ORDER BY run.started, run.id""", {})


def runs_in(*, name: str, python: str, platform: str) -> Query[RunsInRow, tuple[int, str, str, str, float, float | None, int, int | None, str, str, int, str, str, int | None, int | None], int]:
    return Query("""SELECT run.id, environment.name AS environment, environment.python, environment.platform, run.started, run.ended, run.completed, run.exitstatus, run.arguments, run.git_head, run.git_dirty, run.engine, run.version, run.snapshot_id, run.fact_set_id
FROM run JOIN environment ON environment.id = run.environment_id
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform ORDER BY run.id DESC""", {"name": name, "python": python, "platform": platform})


def facts(*, fact_set_id: int) -> Query[FactsRow, tuple[bytes], bytes]:
    return Query("""SELECT fact_set.facts
FROM fact_set
WHERE fact_set.id = :fact_set_id""", {"fact_set_id": fact_set_id})


def packages(*, run_id: int) -> Query[PackagesRow, tuple[str], str]:
    return Query("""SELECT package_set.packages
FROM package_set JOIN run ON package_set.id = run.package_set_id
WHERE run.id = :run_id""", {"run_id": run_id})


def snapshot_versions(*, run_id: int) -> Query[SnapshotVersionsRow, tuple[bytes], bytes]:
    return Query("""SELECT snapshot.versions
FROM snapshot JOIN run ON snapshot.id = run.snapshot_id
WHERE run.id = :run_id""", {"run_id": run_id})


def versions(*, ids: Array) -> Query[VersionsRow, tuple[int, str, str, str, int, int], int]:
    return Query("""SELECT source_version.id, source.path, source_version.digest, source_version.model_key, source_version.size, source_version.mtime_ns
FROM source_version JOIN source ON source.id = source_version.source_id
WHERE source_version.id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def known_version(*, path: str, digest: str, model_key: str) -> Query[KnownVersionRow, tuple[int], int]:
    return Query("""SELECT source_version.id
FROM source_version JOIN source ON source.id = source_version.source_id
WHERE source.path = :path AND source_version.digest = :digest AND source_version.model_key = :model_key""", {"path": path, "digest": digest, "model_key": model_key})


def models(*, ids: Array) -> Query[ModelsRow, tuple[int, bytes], int]:
    return Query("""SELECT source_model.version_id, source_model.model
FROM source_model
WHERE source_model.version_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def names(*, ids: Array) -> Query[NamesRow, tuple[int, bytes], int]:
    return Query("""SELECT source_model.version_id, source_model.names
FROM source_model
WHERE source_model.version_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def executions(*, name: str, python: str, platform: str) -> Query[ExecutionsRow, tuple[str, str, str, str, str, str, str, str, str, str], str]:
    return Query("""SELECT json_group_array(execution.trace_id) AS trace_id, json_group_array(trace.run_id) AS run_id, json_group_array(subject.name) AS nodeid, json_group_array(test.path) AS path, json_group_array(test.function) AS function, json_group_array(test.kind) AS kind, json_group_array(execution.outcome) AS outcome, json_group_array(CAST(round(execution.duration * 1000000) AS INTEGER)) AS duration, json_group_array(execution.always) AS always, json_group_array(trace.unknown) AS unknown
FROM execution JOIN trace ON trace.id = execution.trace_id JOIN test ON test.id = trace.subject_id JOIN subject ON subject.id = test.id
WHERE trace.run_id IN (SELECT run.id
FROM run JOIN environment ON environment.id = run.environment_id
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform)""", {"name": name, "python": python, "platform": platform})


def heads(*, name: str, python: str, platform: str) -> Query[HeadsRow, tuple[int, str, str, str], int]:
    return Query("""SELECT trace.run_id, json_group_array(trace.subject_id) AS test_ids, json_group_array(trace.id) AS trace_ids, json_group_array(CAST(round(execution.duration * 1000000) AS INTEGER)) AS durations
FROM trace JOIN execution ON trace.id = execution.trace_id
WHERE trace.run_id IN (SELECT run.id
FROM run JOIN environment ON environment.id = run.environment_id
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform) GROUP BY trace.run_id ORDER BY trace.run_id""", {"name": name, "python": python, "platform": platform})


def executions_of(*, ids: Array) -> Query[ExecutionsOfRow, tuple[str, str, str, str, str, str, str, str, str, str], str]:
    return Query("""SELECT json_group_array(execution.trace_id) AS trace_id, json_group_array(trace.run_id) AS run_id, json_group_array(subject.name) AS nodeid, json_group_array(test.path) AS path, json_group_array(test.function) AS function, json_group_array(test.kind) AS kind, json_group_array(execution.outcome) AS outcome, json_group_array(CAST(round(execution.duration * 1000000) AS INTEGER)) AS duration, json_group_array(execution.always) AS always, json_group_array(trace.unknown) AS unknown
FROM execution JOIN trace ON trace.id = execution.trace_id JOIN test ON test.id = trace.subject_id JOIN subject ON subject.id = test.id
WHERE trace.id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def executions_named(*, nodeid: str, name: str, python: str, platform: str) -> Query[ExecutionsNamedRow, tuple[str, str, str, str, str, str, str, str, str, str], str]:
    return Query("""SELECT json_group_array(execution.trace_id) AS trace_id, json_group_array(trace.run_id) AS run_id, json_group_array(subject.name) AS nodeid, json_group_array(test.path) AS path, json_group_array(test.function) AS function, json_group_array(test.kind) AS kind, json_group_array(execution.outcome) AS outcome, json_group_array(CAST(round(execution.duration * 1000000) AS INTEGER)) AS duration, json_group_array(execution.always) AS always, json_group_array(trace.unknown) AS unknown
FROM execution JOIN trace ON trace.id = execution.trace_id JOIN test ON test.id = trace.subject_id JOIN subject ON subject.id = test.id
WHERE subject.kind = 'test' AND subject.name = :nodeid AND trace.run_id IN (SELECT run.id
FROM run JOIN environment ON environment.id = run.environment_id
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform)""", {"nodeid": nodeid, "name": name, "python": python, "platform": platform})


def tests(*, run_id: int) -> Query[TestsRow, tuple[int, str, str, str, str], int]:
    return Query("""SELECT trace.id AS trace_id, subject.name AS nodeid, test.path, test.function, test.kind
FROM trace JOIN execution ON trace.id = execution.trace_id JOIN test ON test.id = trace.subject_id JOIN subject ON subject.id = test.id
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def tests_in(*, files: Array) -> Query[TestsInRow, tuple[int], int]:
    return Query("""SELECT test.id
FROM test
WHERE test.path IN (SELECT anon_1.value AS value
FROM json_each(:files) AS anon_1)""", {"files": files})


def tests_below(*, files: Array) -> Query[TestsBelowRow, tuple[int], int]:
    return Query("""SELECT subject.id
FROM json_each(:files) AS anon_1 JOIN subject ON subject.kind = 'test' AND subject.name >= (anon_1.value || '::') AND subject.name < (anon_1.value || ':;')""", {"files": files})


def ran_below(*, files: Array, name: str, python: str, platform: str) -> Query[RanBelowRow, tuple[str, int], str]:
    return Query("""SELECT subject.name, trace.run_id
FROM json_each(:files) AS anon_1 JOIN subject ON subject.kind = 'test' AND subject.name >= (anon_1.value || '::') AND subject.name < (anon_1.value || ':;') JOIN trace ON trace.subject_id = subject.id JOIN execution ON execution.trace_id = trace.id JOIN run ON run.id = trace.run_id JOIN environment ON environment.id = run.environment_id
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform""", {"files": files, "name": name, "python": python, "platform": platform})


def ran(*, nodeids: Array, name: str, python: str, platform: str) -> Query[RanRow, tuple[str], str]:
    return Query("""SELECT subject.name
FROM subject
WHERE subject.kind = 'test' AND subject.name IN (SELECT anon_1.value AS value
FROM json_each(:nodeids) AS anon_1) AND (EXISTS (SELECT *
FROM trace, execution
WHERE trace.subject_id = subject.id AND execution.trace_id = trace.id AND trace.run_id IN (SELECT run.id
FROM run JOIN environment ON environment.id = run.environment_id
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform)))""", {"nodeids": nodeids, "name": name, "python": python, "platform": platform})


def besides(*, name: str, python: str, platform: str, run_id: int) -> Query[BesidesRow, tuple[int], int]:
    return Query("""SELECT trace.id
FROM trace JOIN execution ON trace.id = execution.trace_id JOIN run ON run.id = trace.run_id JOIN environment ON environment.id = run.environment_id
WHERE environment.name = :name AND environment.python = :python AND environment.platform = :platform AND trace.run_id != :run_id AND NOT (EXISTS (SELECT *
FROM trace AS there, execution AS ran_there
WHERE there.run_id = :run_id AND there.subject_id = trace.subject_id AND ran_there.trace_id = there.id))""", {"name": name, "python": python, "platform": platform, "run_id": run_id})


def remarkable(*, run_id: int) -> Query[RemarkableRow, tuple[str, str, str, str, str, str, str, str, str, str], str]:
    return Query("""SELECT json_group_array(execution.trace_id) AS trace_id, json_group_array(trace.run_id) AS run_id, json_group_array(subject.name) AS nodeid, json_group_array(test.path) AS path, json_group_array(test.function) AS function, json_group_array(test.kind) AS kind, json_group_array(execution.outcome) AS outcome, json_group_array(CAST(round(execution.duration * 1000000) AS INTEGER)) AS duration, json_group_array(execution.always) AS always, json_group_array(trace.unknown) AS unknown
FROM execution JOIN trace ON trace.id = execution.trace_id JOIN test ON test.id = trace.subject_id JOIN subject ON subject.id = test.id
WHERE trace.run_id = :run_id AND (execution.outcome IN ('failed', 'error') OR execution.always != '' OR trace.unknown != '')""", {"run_id": run_id})


def test_files(*, run_id: int) -> Query[TestFilesRow, tuple[str], str]:
    return Query("""SELECT DISTINCT test.path AS file
FROM trace JOIN execution ON trace.id = execution.trace_id JOIN test ON test.id = trace.subject_id
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def totals(*, run_id: int) -> Query[TotalsRow, tuple[int, float], int]:
    return Query("""SELECT count(*) AS count_1, total(execution.duration) AS total_1
FROM trace JOIN execution ON trace.id = execution.trace_id
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def fingerprints(*, ids: Array) -> Query[FingerprintsRow, tuple[int, int, bytes], int]:
    return Query("""SELECT fingerprint.id, fingerprint.source_id, fingerprint.blocks
FROM fingerprint
WHERE fingerprint.source_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1) ORDER BY fingerprint.id""", {"ids": ids})


def fingerprints_of(*, ids: Array) -> Query[FingerprintsOfRow, tuple[int, int, bytes], int]:
    return Query("""SELECT fingerprint.id, fingerprint.source_id, fingerprint.blocks
FROM fingerprint
WHERE fingerprint.id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1) ORDER BY fingerprint.id""", {"ids": ids})


def sets_of(*, ids: Array) -> Query[SetsOfRow, tuple[int, bytes], int]:
    return Query("""SELECT trace_set.trace_id, fingerprint_set.fingerprints
FROM trace_set JOIN fingerprint_set ON fingerprint_set.id = trace_set.set_id
WHERE trace_set.trace_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def blocks(*, ids: Array) -> Query[BlocksRow, tuple[int, int, int], int]:
    return Query("""SELECT block.source_id, block.number, block.checksum
FROM block
WHERE block.source_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def source_ids(*, paths: Array) -> Query[SourceIdsRow, tuple[int, str], int]:
    return Query("""SELECT source.id, source.path
FROM source
WHERE source.path IN (SELECT anon_1.value AS value
FROM json_each(:paths) AS anon_1)""", {"paths": paths})


def source_paths(*, ids: Array) -> Query[SourcePathsRow, tuple[int, str], int]:
    return Query("""SELECT source.id, source.path
FROM source
WHERE source.id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def traces_with(*, ids: Array) -> Query[TracesWithRow, tuple[int, int], int]:
    return Query("""SELECT fingerprint_in_set.fingerprint_id, trace_set.trace_id
FROM fingerprint_in_set JOIN trace_set ON trace_set.set_id = fingerprint_in_set.set_id
WHERE fingerprint_in_set.fingerprint_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def trace_lists_with(*, ids: Array) -> Query[TraceListsWithRow, tuple[int, str], int]:
    return Query("""SELECT fingerprint_in_set.fingerprint_id, json_group_array(trace_set.trace_id) AS traces
FROM fingerprint_in_set JOIN trace_set ON trace_set.set_id = fingerprint_in_set.set_id
WHERE fingerprint_in_set.fingerprint_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1) GROUP BY fingerprint_in_set.fingerprint_id""", {"ids": ids})


def fingerprint_ids(*, paths: Array) -> Query[FingerprintIdsRow, tuple[str, str], str]:
    return Query("""SELECT source.path, json_group_array(fingerprint.id) AS fingerprints
FROM source JOIN fingerprint ON source.id = fingerprint.source_id
WHERE source.path IN (SELECT anon_1.value AS value
FROM json_each(:paths) AS anon_1) GROUP BY source.id""", {"paths": paths})


def uses(*, runs: Array) -> Query[UsesRow, tuple[int, int], int]:
    return Query("""SELECT trace_use.user_id, trace_use.used_id
FROM trace_use JOIN trace ON trace.id = trace_use.user_id
WHERE trace.run_id IN (SELECT anon_1.value AS value
FROM json_each(:runs) AS anon_1)""", {"runs": runs})


def traces(*, runs: Array, kinds: Array) -> Query[TracesRow, tuple[int, int, str, str, str, int], int]:
    return Query("""SELECT trace.id, trace.run_id, subject.kind, subject.name, trace.unknown, trace.complete
FROM trace JOIN subject ON subject.id = trace.subject_id
WHERE trace.run_id IN (SELECT anon_1.value AS value
FROM json_each(:runs) AS anon_1) AND subject.kind IN (SELECT anon_2.value AS value
FROM json_each(:kinds) AS anon_2) ORDER BY trace.id""", {"runs": runs, "kinds": kinds})


def trace_ids(*, run_id: int) -> Query[TraceIdsRow, tuple[str], str]:
    return Query("""SELECT json_group_array(trace.id) AS json_group_array_1
FROM trace
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def resources(*, runs: Array) -> Query[ResourcesRow, tuple[int, int], int]:
    return Query("""SELECT trace_resource.trace_id, trace_resource.resource_state_id
FROM trace_resource JOIN trace ON trace.id = trace_resource.trace_id
WHERE trace.run_id IN (SELECT anon_1.value AS value
FROM json_each(:runs) AS anon_1) ORDER BY trace_resource.trace_id""", {"runs": runs})


def relies_on(*, run_id: int, ids: Array) -> Query[ReliesOnRow, tuple[int], int]:
    return Query("""SELECT trace_resource.trace_id
FROM trace_resource JOIN trace ON trace.id = trace_resource.trace_id
WHERE trace.run_id = :run_id AND trace_resource.resource_state_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"run_id": run_id, "ids": ids})


def readings(*, run_id: int, ids: Array) -> Query[ReadingsRow, tuple[int, int, str], int]:
    return Query("""SELECT trace_resource.trace_id, trace_resource.resource_state_id, origin.frames
FROM trace_resource JOIN trace ON trace.id = trace_resource.trace_id JOIN origin ON origin.id = trace_resource.origin_id
WHERE trace.run_id = :run_id AND trace_resource.resource_state_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"run_id": run_id, "ids": ids})


def gaps(*, run_id: int) -> Query[GapsRow, tuple[int], int]:
    return Query("""SELECT trace.id
FROM trace JOIN subject ON subject.id = trace.subject_id
WHERE trace.run_id = :run_id AND (trace.unknown != '' AND subject.kind != 'test' OR trace.complete IS 0 AND subject.kind = 'fixture')""", {"run_id": run_id})


def resource_states() -> Query[ResourceStatesRow, tuple[int, str, str, str, int, int], int]:
    return Query("""SELECT resource_state.id, resource.kind, resource.name, resource_state.state, resource_state.size, resource_state.mtime_ns
FROM resource_state JOIN resource ON resource.id = resource_state.resource_id""", {})


def trace_resources(*, trace_id: int) -> Query[TraceResourcesRow, tuple[int, str, str, str, int, int, str], int]:
    return Query("""SELECT trace_resource.resource_state_id, resource.kind, resource.name, resource_state.state, resource_state.size, resource_state.mtime_ns, origin.frames
FROM trace_resource JOIN resource_state ON resource_state.id = trace_resource.resource_state_id JOIN resource ON resource.id = resource_state.resource_id JOIN origin ON origin.id = trace_resource.origin_id
WHERE trace_resource.trace_id = :trace_id""", {"trace_id": trace_id})


def failures(*, ids: Array) -> Query[FailuresRow, tuple[int, bytes], int]:
    return Query("""SELECT failure.trace_id, failure.text
FROM failure
WHERE failure.trace_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def add_environment(rows: Iterable[AddEnvironmentValues]) -> Insert:
    return Insert("INSERT INTO environment (name, python, platform) VALUES ", ("name", "python", "platform", ), " ON CONFLICT DO NOTHING", rows)


def add_package_set(rows: Iterable[AddPackageSetValues]) -> Insert:
    return Insert("INSERT INTO package_set (digest, packages) VALUES ", ("digest", "packages", ), " ON CONFLICT DO NOTHING", rows)


def package_set_id(*, digest: str) -> Query[PackageSetIdRow, tuple[int], int]:
    return Query("""SELECT package_set.id
FROM package_set
WHERE package_set.digest = :digest""", {"digest": digest})


def add_fact_set(rows: Iterable[AddFactSetValues]) -> Insert:
    return Insert("INSERT INTO fact_set (digest, facts) VALUES ", ("digest", "facts", ), " ON CONFLICT DO NOTHING", rows)


def fact_set_id(*, digest: str) -> Query[FactSetIdRow, tuple[int], int]:
    return Query("""SELECT fact_set.id
FROM fact_set
WHERE fact_set.digest = :digest""", {"digest": digest})


def set_facts(*, fact_set: int, run_id: int) -> Change:
    return Change("UPDATE run SET fact_set_id=:fact_set WHERE run.id = :run_id", {"fact_set": fact_set, "run_id": run_id})


def add_run(rows: Iterable[AddRunValues]) -> Insert:
    return Insert("INSERT INTO run (environment_id, package_set_id, snapshot_id, fact_set_id, started, ended, completed, exitstatus, arguments, git_head, git_dirty, engine, version) VALUES ", ("environment_id", "package_set_id", "snapshot_id", "fact_set_id", "started", "ended", "completed", "exitstatus", "arguments", "git_head", "git_dirty", "engine", "version", ), "", rows)


def finish_run(*, end: float, whole: int, status: int | None, run_id: int) -> Change:
    return Change("UPDATE run SET ended=:end, completed=:whole, exitstatus=:status WHERE run.id = :run_id", {"end": end, "whole": whole, "status": status, "run_id": run_id})


def add_snapshot(rows: Iterable[AddSnapshotValues]) -> Insert:
    return Insert("INSERT INTO snapshot (digest, versions) VALUES ", ("digest", "versions", ), " ON CONFLICT DO NOTHING", rows)


def snapshot_id(*, digest: str) -> Query[SnapshotIdRow, tuple[int], int]:
    return Query("""SELECT snapshot.id
FROM snapshot
WHERE snapshot.digest = :digest""", {"digest": digest})


def set_snapshot(*, snapshot: int, run_id: int) -> Change:
    return Change("UPDATE run SET snapshot_id=:snapshot WHERE run.id = :run_id", {"snapshot": snapshot, "run_id": run_id})


def add_source(rows: Iterable[AddSourceValues]) -> Insert:
    return Insert("INSERT INTO source (path) VALUES ", ("path", ), " ON CONFLICT DO NOTHING", rows)


def add_version(rows: Iterable[AddVersionValues]) -> Insert:
    return Insert("INSERT INTO source_version (source_id, digest, model_key, size, mtime_ns) VALUES ", ("source_id", "digest", "model_key", "size", "mtime_ns", ), " ON CONFLICT (source_id, digest, model_key) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns", rows)


def version_ids(*, ids: Array) -> Query[VersionIdsRow, tuple[int, int, str, str], int]:
    return Query("""SELECT source_version.id, source_version.source_id, source_version.digest, source_version.model_key
FROM source_version
WHERE source_version.source_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def add_model(rows: Iterable[AddModelValues]) -> Insert:
    return Insert("INSERT INTO source_model (version_id, names, model) VALUES ", ("version_id", "names", "model", ), " ON CONFLICT DO NOTHING", rows)


def last_subject() -> Query[LastSubjectRow, tuple[int], int]:
    return Query("""SELECT max(subject.id) AS max_1
FROM subject""", {})


def add_subject(rows: Iterable[AddSubjectValues]) -> Insert:
    return Insert("INSERT INTO subject (id, kind, name) VALUES ", ("id", "kind", "name", ), " ON CONFLICT DO NOTHING", rows)


def subject_ids(*, names: Array) -> Query[SubjectIdsRow, tuple[int, str, str], int]:
    return Query("""SELECT subject.id, subject.name, subject.kind
FROM subject
WHERE subject.name IN (SELECT anon_1.value AS value
FROM json_each(:names) AS anon_1)""", {"names": names})


def put_test(rows: Iterable[PutTestValues]) -> Insert:
    return Insert("INSERT INTO test (id, path, function, kind) VALUES ", ("id", "path", "function", "kind", ), " ON CONFLICT (id) DO UPDATE SET path = excluded.path, function = excluded.function, kind = excluded.kind", rows)


def run_traces(*, run_id: int, ids: Array) -> Query[RunTracesRow, tuple[int, int, str, int], int]:
    return Query("""SELECT trace.id, trace.subject_id, trace.unknown, trace.complete
FROM trace
WHERE trace.run_id = :run_id AND trace.subject_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"run_id": run_id, "ids": ids})


def last_trace() -> Query[LastTraceRow, tuple[int], int]:
    return Query("""SELECT max(trace.id) AS max_1
FROM trace""", {})


def add_trace(rows: Iterable[AddTraceValues]) -> Insert:
    return Insert("INSERT INTO trace (id, run_id, subject_id, unknown, complete) VALUES ", ("id", "run_id", "subject_id", "unknown", "complete", ), "", rows)


def change_trace(*, reason: str, whole: int, trace_id: int) -> Change:
    return Change("UPDATE trace SET unknown=:reason, complete=:whole WHERE trace.id = :trace_id", {"reason": reason, "whole": whole, "trace_id": trace_id})


def put_execution(rows: Iterable[PutExecutionValues]) -> Insert:
    return Insert("INSERT INTO execution (trace_id, outcome, duration, always) VALUES ", ("trace_id", "outcome", "duration", "always", ), " ON CONFLICT (trace_id) DO UPDATE SET outcome = excluded.outcome, duration = excluded.duration, always = excluded.always", rows)


def drop_failures(*, ids: Array) -> Change:
    return Change("""DELETE FROM failure WHERE failure.trace_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def add_failure(rows: Iterable[AddFailureValues]) -> Insert:
    return Insert("INSERT INTO failure (trace_id, text) VALUES ", ("trace_id", "text", ), "", rows)


def add_block(rows: Iterable[AddBlockValues]) -> Insert:
    return Insert("INSERT INTO block (source_id, number, checksum) VALUES ", ("source_id", "number", "checksum", ), "", rows)


def last_fingerprint() -> Query[LastFingerprintRow, tuple[int], int]:
    return Query("""SELECT max(fingerprint.id) AS max_1
FROM fingerprint""", {})


def add_fingerprint(rows: Iterable[AddFingerprintValues]) -> Insert:
    return Insert("INSERT INTO fingerprint (source_id, blocks) VALUES ", ("source_id", "blocks", ), " ON CONFLICT DO NOTHING", rows)


def fingerprints_after(*, last: int) -> Query[FingerprintsAfterRow, tuple[int, int, bytes], int]:
    return Query("""SELECT fingerprint.id, fingerprint.source_id, fingerprint.blocks
FROM fingerprint
WHERE fingerprint.id > :last""", {"last": last})


def fingerprint_id(*, source_id: int, blocks: bytes) -> Query[FingerprintIdRow, tuple[int], int]:
    return Query("""SELECT fingerprint.id
FROM fingerprint
WHERE fingerprint.source_id = :source_id AND fingerprint.blocks = :blocks""", {"source_id": source_id, "blocks": blocks})


def last_set() -> Query[LastSetRow, tuple[int], int]:
    return Query("""SELECT max(fingerprint_set.id) AS max_1
FROM fingerprint_set""", {})


def set_id(*, fingerprints: bytes) -> Query[SetIdRow, tuple[int], int]:
    return Query("""SELECT fingerprint_set.id
FROM fingerprint_set
WHERE fingerprint_set.fingerprints = :fingerprints""", {"fingerprints": fingerprints})


def add_set(rows: Iterable[AddSetValues]) -> Insert:
    return Insert("INSERT INTO fingerprint_set (fingerprints) VALUES ", ("fingerprints", ), " ON CONFLICT DO NOTHING", rows)


def sets_after(*, last: int) -> Query[SetsAfterRow, tuple[int, bytes], int]:
    return Query("""SELECT fingerprint_set.id, fingerprint_set.fingerprints
FROM fingerprint_set
WHERE fingerprint_set.id > :last""", {"last": last})


def add_to_set(rows: Iterable[AddToSetValues]) -> Insert:
    return Insert("INSERT INTO fingerprint_in_set (fingerprint_id, set_id) VALUES ", ("fingerprint_id", "set_id", ), "", rows)


def put_trace_set(rows: Iterable[PutTraceSetValues]) -> Insert:
    return Insert("INSERT INTO trace_set (trace_id, set_id) VALUES ", ("trace_id", "set_id", ), " ON CONFLICT (trace_id) DO UPDATE SET set_id = excluded.set_id", rows)


def add_use(rows: Iterable[AddUseValues]) -> Insert:
    return Insert("INSERT INTO trace_use (user_id, used_id) VALUES ", ("user_id", "used_id", ), " ON CONFLICT DO NOTHING", rows)


def add_resource(rows: Iterable[AddResourceValues]) -> Insert:
    return Insert("INSERT INTO resource (kind, name) VALUES ", ("kind", "name", ), " ON CONFLICT DO NOTHING", rows)


def resource_ids(*, names: Array) -> Query[ResourceIdsRow, tuple[int, str, str], int]:
    return Query("""SELECT resource.id, resource.name, resource.kind
FROM resource
WHERE resource.name IN (SELECT anon_1.value AS value
FROM json_each(:names) AS anon_1)""", {"names": names})


def put_resource_state(rows: Iterable[PutResourceStateValues]) -> Insert:
    return Insert("INSERT INTO resource_state (resource_id, state, size, mtime_ns) VALUES ", ("resource_id", "state", "size", "mtime_ns", ), " ON CONFLICT (resource_id, state) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns", rows)


def resource_state_ids(*, ids: Array) -> Query[ResourceStateIdsRow, tuple[int, int, str], int]:
    return Query("""SELECT resource_state.id, resource_state.resource_id, resource_state.state
FROM resource_state
WHERE resource_state.resource_id IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1)""", {"ids": ids})


def add_origin(rows: Iterable[AddOriginValues]) -> Insert:
    return Insert("INSERT INTO origin (frames) VALUES ", ("frames", ), " ON CONFLICT DO NOTHING", rows)


def origin_ids(*, texts: Array) -> Query[OriginIdsRow, tuple[int, str], int]:
    return Query("""SELECT origin.id, origin.frames
FROM origin
WHERE origin.frames IN (SELECT anon_1.value AS value
FROM json_each(:texts) AS anon_1)""", {"texts": texts})


def add_trace_resource(rows: Iterable[AddTraceResourceValues]) -> Insert:
    return Insert("INSERT INTO trace_resource (trace_id, resource_state_id, origin_id) VALUES ", ("trace_id", "resource_state_id", "origin_id", ), " ON CONFLICT DO NOTHING", rows)


def recent_runs(*, recent: float) -> Query[RecentRunsRow, tuple[int], int]:
    return Query("""SELECT run.id
FROM run
WHERE run.ended IS NULL AND run.started >= :recent""", {"recent": recent})


def prune_tests(*, nodeids: Array, recent: float) -> Change:
    return Change("""DELETE FROM execution WHERE execution.trace_id IN (SELECT trace.id
FROM trace JOIN subject ON subject.id = trace.subject_id
WHERE subject.kind = 'test' AND subject.name IN (SELECT anon_1.value AS value
FROM json_each(:nodeids) AS anon_1) AND (trace.run_id NOT IN (SELECT run.id
FROM run
WHERE run.ended IS NULL AND run.started >= :recent)))""", {"nodeids": nodeids, "recent": recent})


def prune_beyond(*, keep: int, recent: float) -> Change:
    return Change("""DELETE FROM execution WHERE execution.trace_id IN (SELECT anon_1.trace_id
FROM (SELECT execution.trace_id AS trace_id, run.id AS run_id, run.started AS started, row_number() OVER (PARTITION BY trace.subject_id, run.environment_id ORDER BY run.started DESC, run.id DESC) AS rank
FROM execution JOIN trace ON trace.id = execution.trace_id JOIN run ON run.id = trace.run_id) AS anon_1
WHERE anon_1.rank > :keep) AND execution.trace_id IN (SELECT trace.id
FROM trace
WHERE (trace.run_id NOT IN (SELECT run.id
FROM run
WHERE run.ended IS NULL AND run.started >= :recent)))""", {"keep": keep, "recent": recent})


def prune_older(*, before: float, recent: float) -> Change:
    return Change("""DELETE FROM execution WHERE execution.trace_id IN (SELECT anon_1.trace_id
FROM (SELECT execution.trace_id AS trace_id, run.id AS run_id, run.started AS started, row_number() OVER (PARTITION BY trace.subject_id, run.environment_id ORDER BY run.started DESC, run.id DESC) AS rank
FROM execution JOIN trace ON trace.id = execution.trace_id JOIN run ON run.id = trace.run_id) AS anon_1
WHERE anon_1.started < :before AND anon_1.rank > 1) AND execution.trace_id IN (SELECT trace.id
FROM trace
WHERE (trace.run_id NOT IN (SELECT run.id
FROM run
WHERE run.ended IS NULL AND run.started >= :recent)))""", {"before": before, "recent": recent})


def prune_environment_executions(*, names: Array, recent: float) -> Change:
    return Change("""DELETE FROM execution WHERE execution.trace_id IN (SELECT trace.id
FROM trace
WHERE trace.run_id IN (SELECT run.id
FROM run JOIN environment ON environment.id = run.environment_id
WHERE environment.name IN (SELECT anon_1.value AS value
FROM json_each(:names) AS anon_1)) AND (trace.run_id NOT IN (SELECT run.id
FROM run
WHERE run.ended IS NULL AND run.started >= :recent)))""", {"names": names, "recent": recent})


def prune_environment_runs(*, names: Array, recent: float) -> Change:
    return Change("""DELETE FROM run WHERE run.id IN (SELECT run.id
FROM run JOIN environment ON environment.id = run.environment_id
WHERE environment.name IN (SELECT anon_1.value AS value
FROM json_each(:names) AS anon_1)) AND NOT (run.ended IS NULL AND run.started >= :recent)""", {"names": names, "recent": recent})


def prune_empty_runs(*, recent: float, before: float) -> Change:
    return Change("""DELETE FROM run WHERE NOT (EXISTS (SELECT *
FROM trace, execution
WHERE trace.run_id = run.id AND execution.trace_id = trace.id)) AND NOT (run.ended IS NULL AND run.started >= :recent) AND ((run.id NOT IN (SELECT anon_1.id
FROM (SELECT run.id AS id, row_number() OVER (PARTITION BY run.environment_id ORDER BY run.started DESC, run.id DESC) AS place
FROM run) AS anon_1
WHERE anon_1.place = 1)) OR run.started < :before)""", {"recent": recent, "before": before})


def prune_environments() -> Change:
    return Change("""DELETE FROM environment WHERE NOT (EXISTS (SELECT *
FROM run
WHERE run.environment_id = environment.id))""", {})


def prune_failures() -> Change:
    return Change("""DELETE FROM failure WHERE NOT (EXISTS (SELECT *
FROM execution
WHERE execution.trace_id = failure.trace_id))""", {})


def prune_tests_left() -> Change:
    return Change("""DELETE FROM test WHERE (test.id NOT IN (SELECT trace.subject_id
FROM trace JOIN execution ON trace.id = execution.trace_id))""", {})


def prune_traces(*, recent: float) -> Change:
    return Change("""WITH RECURSIVE reached(id) AS
(SELECT trace_use.used_id AS id
FROM trace_use JOIN execution ON execution.trace_id = trace_use.user_id UNION SELECT trace_use.used_id AS used_id
FROM trace_use JOIN reached ON reached.id = trace_use.user_id)
DELETE FROM trace WHERE NOT (EXISTS (SELECT *
FROM run
WHERE run.id = trace.run_id)) OR trace.subject_id IN (SELECT subject.id
FROM subject
WHERE subject.kind = 'test' OR subject.kind = 'fixture') AND NOT (EXISTS (SELECT *
FROM execution
WHERE execution.trace_id = trace.id)) AND (trace.id NOT IN (SELECT reached.id
FROM reached)) AND (trace.run_id NOT IN (SELECT run.id
FROM run
WHERE run.ended IS NULL AND run.started >= :recent))""", {"recent": recent})


def prune_trace_sets() -> Change:
    return Change("""DELETE FROM trace_set WHERE (trace_set.trace_id NOT IN (SELECT trace.id
FROM trace))""", {})


def prune_sets() -> Change:
    return Change("""DELETE FROM fingerprint_set WHERE NOT (EXISTS (SELECT *
FROM trace_set
WHERE trace_set.set_id = fingerprint_set.id))""", {})


def prune_members() -> Change:
    return Change("""DELETE FROM fingerprint_in_set WHERE (fingerprint_in_set.set_id NOT IN (SELECT fingerprint_set.id
FROM fingerprint_set))""", {})


def prune_uses() -> Change:
    return Change("""DELETE FROM trace_use WHERE (trace_use.user_id NOT IN (SELECT trace.id
FROM trace)) OR (trace_use.used_id NOT IN (SELECT trace.id
FROM trace))""", {})


def prune_trace_resources() -> Change:
    return Change("""DELETE FROM trace_resource WHERE (trace_resource.trace_id NOT IN (SELECT trace.id
FROM trace))""", {})


def prune_subjects() -> Change:
    return Change("""DELETE FROM subject WHERE (subject.id NOT IN (SELECT trace.subject_id
FROM trace)) AND (subject.id NOT IN (SELECT test.id
FROM test))""", {})


def prune_fingerprints() -> Change:
    return Change("""DELETE FROM fingerprint WHERE NOT (EXISTS (SELECT *
FROM fingerprint_in_set
WHERE fingerprint_in_set.fingerprint_id = fingerprint.id))""", {})


def prune_blocks() -> Change:
    return Change("""DELETE FROM block WHERE (block.source_id NOT IN (SELECT fingerprint.source_id
FROM fingerprint))""", {})


def prune_resource_states() -> Change:
    return Change("""DELETE FROM resource_state WHERE (resource_state.id NOT IN (SELECT trace_resource.resource_state_id
FROM trace_resource))""", {})


def prune_resources() -> Change:
    return Change("""DELETE FROM resource WHERE (resource.id NOT IN (SELECT resource_state.resource_id
FROM resource_state))""", {})


def prune_origins() -> Change:
    return Change("""DELETE FROM origin WHERE (origin.id NOT IN (SELECT trace_resource.origin_id
FROM trace_resource))""", {})


def prune_snapshots() -> Change:
    return Change("""DELETE FROM snapshot WHERE NOT (EXISTS (SELECT *
FROM run
WHERE run.snapshot_id = snapshot.id))""", {})


def prune_package_sets() -> Change:
    return Change("""DELETE FROM package_set WHERE NOT (EXISTS (SELECT *
FROM run
WHERE run.package_set_id = package_set.id))""", {})


def prune_fact_sets() -> Change:
    return Change("""DELETE FROM fact_set WHERE NOT (EXISTS (SELECT *
FROM run
WHERE run.fact_set_id = fact_set.id))""", {})


def all_snapshots() -> Query[AllSnapshotsRow, tuple[bytes], bytes]:
    return Query("""SELECT snapshot.versions
FROM snapshot""", {})


def prune_versions(*, ids: Array) -> Change:
    return Change("""DELETE FROM source_version WHERE (source_version.id NOT IN (SELECT anon_1.value AS value
FROM json_each(:ids) AS anon_1))""", {"ids": ids})


def prune_models() -> Change:
    return Change("""DELETE FROM source_model WHERE (source_model.version_id NOT IN (SELECT source_version.id
FROM source_version))""", {})


def prune_sources() -> Change:
    return Change("""DELETE FROM source WHERE NOT (EXISTS (SELECT *
FROM source_version
WHERE source_version.source_id = source.id)) AND NOT (EXISTS (SELECT *
FROM fingerprint
WHERE fingerprint.source_id = source.id))""", {})


def evidence_subjects(*, runs: Array) -> Query[EvidenceSubjectsRow, tuple[int, str, str, str | None, str | None, str | None, int], int]:
    return Query("""SELECT subject.id, subject.kind, subject.name, test.path, test.function, test.kind AS test_kind, EXISTS (SELECT *
FROM execution, trace
WHERE execution.trace_id = trace.id AND trace.subject_id = subject.id AND trace.run_id IN (SELECT anon_1.value AS value
FROM json_each(:runs) AS anon_1)) AS is_run
FROM subject LEFT OUTER JOIN test ON test.id = subject.id
WHERE subject.id IN (SELECT trace.subject_id
FROM trace
WHERE trace.run_id IN (SELECT anon_2.value AS value
FROM json_each(:runs) AS anon_2) UNION SELECT there.subject_id
FROM trace_use JOIN trace AS there ON there.id = trace_use.used_id
WHERE trace_use.user_id IN (SELECT trace.id
FROM trace
WHERE trace.run_id IN (SELECT anon_3.value AS value
FROM json_each(:runs) AS anon_3)))""", {"runs": runs})


def subjects_of_run(*, run_id: int) -> Query[SubjectsOfRunRow, tuple[int, str, str], int]:
    return Query("""SELECT subject.id, subject.kind, subject.name
FROM trace JOIN subject ON subject.id = trace.subject_id
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def evidence_sets(*, runs: Array) -> Query[EvidenceSetsRow, tuple[int, bytes], int]:
    return Query("""SELECT fingerprint_set.id, fingerprint_set.fingerprints
FROM fingerprint_set
WHERE fingerprint_set.id IN (SELECT trace_set.set_id
FROM trace_set
WHERE trace_set.trace_id IN (SELECT trace.id
FROM trace
WHERE trace.run_id IN (SELECT anon_1.value AS value
FROM json_each(:runs) AS anon_1)))""", {"runs": runs})


def evidence_states(*, runs: Array) -> Query[EvidenceStatesRow, tuple[int, str, str, str], int]:
    return Query("""SELECT resource_state.id, resource.kind, resource.name, resource_state.state
FROM resource_state JOIN resource ON resource.id = resource_state.resource_id
WHERE resource_state.id IN (SELECT trace_resource.resource_state_id
FROM trace_resource
WHERE trace_resource.trace_id IN (SELECT trace.id
FROM trace
WHERE trace.run_id IN (SELECT anon_1.value AS value
FROM json_each(:runs) AS anon_1)))""", {"runs": runs})


def evidence_origins(*, runs: Array) -> Query[EvidenceOriginsRow, tuple[int, str], int]:
    return Query("""SELECT origin.id, origin.frames
FROM origin
WHERE origin.id IN (SELECT trace_resource.origin_id
FROM trace_resource
WHERE trace_resource.trace_id IN (SELECT trace.id
FROM trace
WHERE trace.run_id IN (SELECT anon_1.value AS value
FROM json_each(:runs) AS anon_1)))""", {"runs": runs})


def evidence_traces(*, run_id: int) -> Query[EvidenceTracesRow, tuple[int, int, str, int, int | None, str | None, float | None, str | None, bytes | None], int]:
    return Query("""SELECT trace.id, trace.subject_id, trace.unknown, trace.complete, trace_set.set_id, execution.outcome, execution.duration, execution.always, failure.text
FROM trace LEFT OUTER JOIN trace_set ON trace.id = trace_set.trace_id LEFT OUTER JOIN execution ON trace.id = execution.trace_id LEFT OUTER JOIN failure ON execution.trace_id = failure.trace_id
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def evidence_uses(*, run_id: int) -> Query[EvidenceUsesRow, tuple[int, int], int]:
    return Query("""SELECT trace_use.user_id, there.subject_id
FROM trace_use JOIN trace ON trace.id = trace_use.user_id JOIN trace AS there ON there.id = trace_use.used_id
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def evidence_resources(*, run_id: int) -> Query[EvidenceResourcesRow, tuple[int, int, int], int]:
    return Query("""SELECT trace_resource.trace_id, trace_resource.resource_state_id, trace_resource.origin_id
FROM trace_resource JOIN trace ON trace.id = trace_resource.trace_id
WHERE trace.run_id = :run_id""", {"run_id": run_id})


def newest_of_tests(*, nodeids: Array) -> Query[NewestOfTestsRow, tuple[str, float, str, str, str], str]:
    return Query("""SELECT subject.name, max(run.started) AS started, test.path, test.function, test.kind
FROM execution JOIN trace ON trace.id = execution.trace_id JOIN test ON test.id = trace.subject_id JOIN subject ON subject.id = test.id JOIN run ON run.id = trace.run_id
WHERE subject.kind = 'test' AND subject.name IN (SELECT anon_1.value AS value
FROM json_each(:nodeids) AS anon_1) GROUP BY subject.id""", {"nodeids": nodeids})


def exchanged() -> Query[ExchangedRow, tuple[str, str, int, int], str]:
    return Query("""SELECT exchanged.content, exchanged.run_key, exchanged.executions, exchanged.ended
FROM exchanged""", {})


def add_exchanged(rows: Iterable[AddExchangedValues]) -> Insert:
    return Insert("INSERT INTO exchanged (content, run_key, executions, ended) VALUES ", ("content", "run_key", "executions", "ended", ), " ON CONFLICT DO NOTHING", rows)


def some_blocks(*, source_id: int, numbers: Array) -> Query[SomeBlocksRow, tuple[int, int], int]:
    return Query("""SELECT block.number, block.checksum
FROM block
WHERE block.source_id = :source_id AND block.number IN (SELECT anon_1.value AS value
FROM json_each(:numbers) AS anon_1)""", {"source_id": source_id, "numbers": numbers})


def add_version_alone(rows: Iterable[AddVersionAloneValues]) -> Insert:
    return Insert("INSERT INTO source_version (source_id, digest, model_key, size, mtime_ns) VALUES ", ("source_id", "digest", "model_key", "size", "mtime_ns", ), " ON CONFLICT DO NOTHING", rows)


def put_model(rows: Iterable[PutModelValues]) -> Insert:
    return Insert("INSERT INTO source_model (version_id, names, model) VALUES ", ("version_id", "names", "model", ), " ON CONFLICT (version_id) DO UPDATE SET names = excluded.names, model = excluded.model WHERE excluded.model < source_model.model", rows)
