"""Every query and change of the datafile, by name, as SQLAlchemy statements.

Run time never imports this module: `python -m testmon_cli.storage.generate` writes each of them to
`compiled_sqlite` as a function, typed by the models. A list of ids or texts is passed as one JSON
array (`among`).
"""

from typing import Any

from sqlalchemy import (
    Executable,
    Float,
    FromClause,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    union,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import ColumnElement, Select
from sqlalchemy.types import TypeEngine

from testmon_cli.domain.records import FAILURES
from testmon_cli.storage import models


def _table(model: type[models.Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


environment = _table(models.Environment)
package_set = _table(models.PackageSet)
fact_set = _table(models.FactSet)
source = _table(models.Source)
source_version = _table(models.SourceVersion)
source_model = _table(models.SourceModel)
snapshot = _table(models.Snapshot)
run = _table(models.Run)
subject = _table(models.Subject)
test = _table(models.Test)
trace = _table(models.Trace)
execution = _table(models.Execution)
failure = _table(models.Failure)
block = _table(models.Block)
fingerprint = _table(models.Fingerprint)
fingerprint_set = _table(models.FingerprintSet)
fingerprint_in_set = _table(models.FingerprintInSet)
trace_set = _table(models.TraceSet)
trace_use = _table(models.TraceUse)
resource = _table(models.Resource)
resource_state = _table(models.ResourceState)
origin = _table(models.Origin)
trace_resource = _table(models.TraceResource)
exchanged = _table(models.Exchanged)


class ArrayType(Text):
    """A list that is passed as one parameter, as JSON."""


class OptionalInteger(Integer):
    """A number, or none."""


def listed(parameter: str, kind: TypeEngine[Any]) -> Select[tuple[object]]:
    """The members of a JSON array, as a table of one column.

    `parameter` is the name of the statement's parameter that holds the array, `kind` the type of a
    member.
    """
    each: FromClause = func.json_each(bindparam(parameter, type_=ArrayType)).table_valued("value")
    return select(type_coerce(each.c.value, kind))


def among(column: ColumnElement[object], parameter: str) -> ColumnElement[bool]:
    """The condition that a column is in a JSON array."""
    return column.in_(listed(parameter, column.type))


def values_of(table: Table, *without: str) -> dict[str, object]:
    """Every column but some, as parameters of the same names."""
    return {
        column.name: bindparam(column.name)
        for column in table.columns
        if column.name not in without
    }


def adding(table: Table, *without: str) -> Executable:
    """Insert a row unless it is there."""
    return insert(table).values(values_of(table, *without)).on_conflict_do_nothing()


def ids_by(table: Table, *keys: str, given: str) -> Executable:
    """The statement for ids and keys of rows whose first key is in a JSON array.

    `given` is the name of the parameter that holds the array.
    """
    columns = [table.c[key] for key in keys]
    return select(table.c.id, *columns).where(among(columns[0], given))


# Constants stand in the SQL: parameters are only what the caller passes.
_ONE = literal_column("1", Integer)
_MICROSECONDS = literal_column("1000000", Integer)
_NOTHING = literal_column("''", Text)
_COLONS = literal_column("'::'", Text)
_AFTER_COLONS = literal_column("':;'", Text)  # comes after all that begins with two colons
_TEST = literal_column("'test'", Text)
_FIXTURE = literal_column("'fixture'", Text)

_run_columns = (
    run.c.id,
    environment.c.name.label("environment"),
    environment.c.python,
    environment.c.platform,
    run.c.started,
    run.c.ended,
    run.c.completed,
    run.c.exitstatus,
    run.c.arguments,
    run.c.git_head,
    run.c.git_dirty,
    run.c.engine,
    run.c.version,
    run.c.snapshot_id,
    run.c.fact_set_id,
)
_in_environment = and_(
    environment.c.name == bindparam("name"),
    environment.c.python == bindparam("python"),
    environment.c.platform == bindparam("platform"),
)
_ran_in_environment = trace.c.run_id.in_(select(run.c.id).join(environment).where(_in_environment))
_version_columns = (
    source_version.c.id,
    source.c.path,
    source_version.c.digest,
    source_version.c.model_key,
    source_version.c.size,
    source_version.c.mtime_ns,
)
_versions = source_version.join(source)
_executions = (
    execution.join(trace)
    .join(test, test.c.id == trace.c.subject_id)
    .join(subject, subject.c.id == test.c.id)
)
_there, _ran_there = trace.alias("there"), execution.alias("ran_there")
_microseconds = cast(func.round(execution.c.duration * _MICROSECONDS), Integer)


def _all(column: ColumnElement[Any]) -> ColumnElement[str]:
    """The values of a group as JSON, which is read faster than a row for each execution."""
    return func.json_group_array(column, type_=Text)


_execution_columns = tuple(
    _all(column).label(column.name)
    for column in (
        execution.c.trace_id,
        trace.c.run_id,
        subject.c.name.label("nodeid"),
        test.c.path,
        test.c.function,
        test.c.kind,
        execution.c.outcome,
        _microseconds.label("duration"),
        execution.c.always,
        trace.c.unknown,
    )
)
_files: FromClause = func.json_each(bindparam("files", type_=ArrayType)).table_valued("value")
_file = type_coerce(_files.c.value, Text)
_of_given_files = _files.join(
    subject,
    and_(
        subject.c.kind == _TEST,
        subject.c.name >= _file.op("||")(_COLONS),
        subject.c.name < _file.op("||")(_AFTER_COLONS),
    ),
)
_version_insert = insert(source_version).values(values_of(source_version, "id"))

READING: dict[str, Executable] = {
    "environments": select(
        environment.c.name, environment.c.python, environment.c.platform
    ).order_by(environment.c.id),
    "environment_id": select(environment.c.id).where(_in_environment),
    "runs": select(*_run_columns).select_from(run.join(environment)).order_by(run.c.id.desc()),
    "run_order": select(run.c.id, run.c.started, run.c.fact_set_id).order_by(
        run.c.started, run.c.id
    ),
    "runs_in": select(*_run_columns)
    .select_from(run.join(environment))
    .where(_in_environment)
    .order_by(run.c.id.desc()),
    "facts": select(fact_set.c.facts).where(fact_set.c.id == bindparam("fact_set_id")),
    "packages": select(package_set.c.packages)
    .select_from(package_set.join(run))
    .where(run.c.id == bindparam("run_id")),
    "snapshot_versions": select(snapshot.c.versions)
    .select_from(snapshot.join(run))
    .where(run.c.id == bindparam("run_id")),
    "versions": select(*_version_columns)
    .select_from(_versions)
    .where(among(source_version.c.id, "ids")),
    "known_version": select(source_version.c.id)
    .select_from(_versions)
    .where(
        source.c.path == bindparam("path"),
        source_version.c.digest == bindparam("digest"),
        source_version.c.model_key == bindparam("model_key"),
    ),
    "models": select(source_model.c.version_id, source_model.c.model).where(
        among(source_model.c.version_id, "ids")
    ),
    "names": select(source_model.c.version_id, source_model.c.names).where(
        among(source_model.c.version_id, "ids")
    ),
    "executions": select(*_execution_columns).select_from(_executions).where(_ran_in_environment),
    "heads": select(
        trace.c.run_id,
        _all(trace.c.subject_id).label("test_ids"),
        _all(trace.c.id).label("trace_ids"),
        _all(_microseconds).label("durations"),
    )
    .select_from(trace.join(execution))
    .where(_ran_in_environment)
    .group_by(trace.c.run_id)
    .order_by(trace.c.run_id),
    "executions_of": select(*_execution_columns)
    .select_from(_executions)
    .where(among(trace.c.id, "ids")),
    "executions_named": select(*_execution_columns)
    .select_from(_executions)
    .where(subject.c.kind == _TEST, subject.c.name == bindparam("nodeid"), _ran_in_environment),
    "tests": select(
        trace.c.id.label("trace_id"),
        subject.c.name.label("nodeid"),
        test.c.path,
        test.c.function,
        test.c.kind,
    )
    .select_from(
        trace.join(execution)
        .join(test, test.c.id == trace.c.subject_id)
        .join(subject, subject.c.id == test.c.id)
    )
    .where(trace.c.run_id == bindparam("run_id")),
    "tests_in": select(test.c.id).where(among(test.c.path, "files")),
    "tests_below": select(subject.c.id).select_from(_of_given_files),
    "ran_below": select(subject.c.name, trace.c.run_id)
    .select_from(
        _of_given_files.join(trace, trace.c.subject_id == subject.c.id)
        .join(execution, execution.c.trace_id == trace.c.id)
        .join(run, run.c.id == trace.c.run_id)
        .join(environment)
    )
    .where(_in_environment),
    "ran": select(subject.c.name).where(
        subject.c.kind == _TEST,
        among(subject.c.name, "nodeids"),
        exists()
        .where(trace.c.subject_id == subject.c.id, execution.c.trace_id == trace.c.id)
        .where(_ran_in_environment),
    ),
    "besides": select(trace.c.id)
    .select_from(trace.join(execution).join(run).join(environment))
    .where(
        _in_environment,
        trace.c.run_id != bindparam("run_id"),
        ~exists().where(
            _there.c.run_id == bindparam("run_id"),
            _there.c.subject_id == trace.c.subject_id,
            _ran_there.c.trace_id == _there.c.id,
        ),
    ),
    "remarkable": select(*_execution_columns)
    .select_from(_executions)
    .where(
        trace.c.run_id == bindparam("run_id"),
        or_(
            execution.c.outcome.in_([literal_column(f"'{outcome}'", Text) for outcome in FAILURES]),
            execution.c.always != _NOTHING,
            trace.c.unknown != _NOTHING,
        ),
    ),
    "test_files": select(test.c.path.label("file"))
    .distinct()
    .select_from(trace.join(execution).join(test, test.c.id == trace.c.subject_id))
    .where(trace.c.run_id == bindparam("run_id")),
    "totals": select(func.count(), func.total(execution.c.duration, type_=Float))
    .select_from(trace.join(execution))
    .where(trace.c.run_id == bindparam("run_id")),
    "fingerprints": select(fingerprint.c.id, fingerprint.c.source_id, fingerprint.c.blocks)
    .where(among(fingerprint.c.source_id, "ids"))
    .order_by(fingerprint.c.id),
    "fingerprints_of": select(fingerprint.c.id, fingerprint.c.source_id, fingerprint.c.blocks)
    .where(among(fingerprint.c.id, "ids"))
    .order_by(fingerprint.c.id),
    "sets_of": select(trace_set.c.trace_id, fingerprint_set.c.fingerprints)
    .select_from(trace_set.join(fingerprint_set))
    .where(among(trace_set.c.trace_id, "ids")),
    "blocks": select(block.c.source_id, block.c.number, block.c.checksum).where(
        among(block.c.source_id, "ids")
    ),
    "source_ids": ids_by(source, "path", given="paths"),
    "source_paths": select(source.c.id, source.c.path).where(among(source.c.id, "ids")),
    "traces_with": select(fingerprint_in_set.c.fingerprint_id, trace_set.c.trace_id)
    .select_from(
        fingerprint_in_set.join(trace_set, trace_set.c.set_id == fingerprint_in_set.c.set_id)
    )
    .where(among(fingerprint_in_set.c.fingerprint_id, "ids")),
    "trace_lists_with": select(
        fingerprint_in_set.c.fingerprint_id, _all(trace_set.c.trace_id).label("traces")
    )
    .select_from(
        fingerprint_in_set.join(trace_set, trace_set.c.set_id == fingerprint_in_set.c.set_id)
    )
    .where(among(fingerprint_in_set.c.fingerprint_id, "ids"))
    .group_by(fingerprint_in_set.c.fingerprint_id),
    "fingerprint_ids": select(source.c.path, _all(fingerprint.c.id).label("fingerprints"))
    .select_from(source.join(fingerprint))
    .where(among(source.c.path, "paths"))
    .group_by(source.c.id),
    "uses": select(trace_use.c.user_id, trace_use.c.used_id)
    .select_from(trace_use.join(trace, trace.c.id == trace_use.c.user_id))
    .where(among(trace.c.run_id, "runs")),
    "traces": select(
        trace.c.id,
        trace.c.run_id,
        subject.c.kind,
        subject.c.name,
        trace.c.unknown,
        trace.c.complete,
    )
    .select_from(trace.join(subject))
    .where(among(trace.c.run_id, "runs"), among(subject.c.kind, "kinds"))
    .order_by(trace.c.id),
    "trace_ids": select(_all(trace.c.id)).where(trace.c.run_id == bindparam("run_id")),
    "resources": select(trace_resource.c.trace_id, trace_resource.c.resource_state_id)
    .select_from(trace_resource.join(trace))
    .where(among(trace.c.run_id, "runs"))
    .order_by(trace_resource.c.trace_id),
    "relies_on": select(trace_resource.c.trace_id)
    .select_from(trace_resource.join(trace))
    .where(trace.c.run_id == bindparam("run_id"), among(trace_resource.c.resource_state_id, "ids")),
    "readings": select(
        trace_resource.c.trace_id, trace_resource.c.resource_state_id, origin.c.frames
    )
    .select_from(trace_resource.join(trace).join(origin))
    .where(trace.c.run_id == bindparam("run_id"), among(trace_resource.c.resource_state_id, "ids")),
    "gaps": select(trace.c.id)
    .select_from(trace.join(subject))
    .where(
        trace.c.run_id == bindparam("run_id"),
        or_(
            and_(trace.c.unknown != _NOTHING, subject.c.kind != _TEST),
            and_(trace.c.complete.is_(false()), subject.c.kind == _FIXTURE),
        ),
    ),
    "resource_states": select(
        resource_state.c.id,
        resource.c.kind,
        resource.c.name,
        resource_state.c.state,
        resource_state.c.size,
        resource_state.c.mtime_ns,
    ).select_from(resource_state.join(resource)),
    "trace_resources": select(
        trace_resource.c.resource_state_id,
        resource.c.kind,
        resource.c.name,
        resource_state.c.state,
        resource_state.c.size,
        resource_state.c.mtime_ns,
        origin.c.frames,
    )
    .select_from(trace_resource.join(resource_state).join(resource).join(origin))
    .where(trace_resource.c.trace_id == bindparam("trace_id")),
    "failures": select(failure.c.trace_id, failure.c.text).where(among(failure.c.trace_id, "ids")),
}

WRITING: dict[str, Executable] = {
    "add_environment": adding(environment, "id"),
    "add_package_set": adding(package_set, "id"),
    "package_set_id": select(package_set.c.id).where(package_set.c.digest == bindparam("digest")),
    "add_fact_set": adding(fact_set, "id"),
    "fact_set_id": select(fact_set.c.id).where(fact_set.c.digest == bindparam("digest")),
    "set_facts": update(run)
    .where(run.c.id == bindparam("run_id"))
    .values(fact_set_id=bindparam("fact_set")),
    "add_run": insert(run).values(values_of(run, "id")),
    "finish_run": update(run)
    .where(run.c.id == bindparam("run_id"))
    .values(
        ended=bindparam("end"),
        completed=bindparam("whole"),
        exitstatus=bindparam("status", type_=OptionalInteger),
    ),
    "add_snapshot": adding(snapshot, "id"),
    "snapshot_id": select(snapshot.c.id).where(snapshot.c.digest == bindparam("digest")),
    "set_snapshot": update(run)
    .where(run.c.id == bindparam("run_id"))
    .values(snapshot_id=bindparam("snapshot")),
    "add_source": adding(source, "id"),
    # A file that was touched keeps its content: its hints follow.
    "add_version": _version_insert.on_conflict_do_update(
        index_elements=["source_id", "digest", "model_key"],
        set_={"size": _version_insert.excluded.size, "mtime_ns": _version_insert.excluded.mtime_ns},
    ),
    "version_ids": ids_by(source_version, "source_id", "digest", "model_key", given="ids"),
    "add_model": adding(source_model),
    "last_subject": select(func.max(subject.c.id)),
    "add_subject": adding(subject),
    "subject_ids": ids_by(subject, "name", "kind", given="names"),
    "put_test": (_put_test := insert(test).values(values_of(test))).on_conflict_do_update(
        index_elements=["id"],
        set_={name: _put_test.excluded[name] for name in ("path", "function", "kind")},
    ),
    "run_traces": select(trace.c.id, trace.c.subject_id, trace.c.unknown, trace.c.complete).where(
        trace.c.run_id == bindparam("run_id"), among(trace.c.subject_id, "ids")
    ),
    "last_trace": select(func.max(trace.c.id)),
    "add_trace": insert(trace).values(values_of(trace)),
    "change_trace": update(trace)
    .where(trace.c.id == bindparam("trace_id"))
    .values(unknown=bindparam("reason"), complete=bindparam("whole")),
    "put_execution": (
        _put_execution := insert(execution).values(values_of(execution))
    ).on_conflict_do_update(
        index_elements=["trace_id"],
        set_={name: _put_execution.excluded[name] for name in ("outcome", "duration", "always")},
    ),
    "drop_failures": delete(failure).where(among(failure.c.trace_id, "ids")),
    "add_failure": insert(failure).values(values_of(failure)),
    "add_block": insert(block).values(values_of(block)),
    "last_fingerprint": select(func.max(fingerprint.c.id)),
    "add_fingerprint": adding(fingerprint, "id"),
    "fingerprints_after": select(
        fingerprint.c.id, fingerprint.c.source_id, fingerprint.c.blocks
    ).where(fingerprint.c.id > bindparam("last")),
    "fingerprint_id": select(fingerprint.c.id).where(
        fingerprint.c.source_id == bindparam("source_id"),
        fingerprint.c.blocks == bindparam("blocks"),
    ),
    "last_set": select(func.max(fingerprint_set.c.id)),
    "set_id": select(fingerprint_set.c.id).where(
        fingerprint_set.c.fingerprints == bindparam("fingerprints")
    ),
    "add_set": adding(fingerprint_set, "id"),
    "sets_after": select(fingerprint_set.c.id, fingerprint_set.c.fingerprints).where(
        fingerprint_set.c.id > bindparam("last")
    ),
    "add_to_set": insert(fingerprint_in_set).values(values_of(fingerprint_in_set)),
    "put_trace_set": (
        _put_set := insert(trace_set).values(values_of(trace_set))
    ).on_conflict_do_update(index_elements=["trace_id"], set_={"set_id": _put_set.excluded.set_id}),
    "add_use": adding(trace_use),
    "add_resource": adding(resource, "id"),
    "resource_ids": ids_by(resource, "name", "kind", given="names"),
    "put_resource_state": (
        _put_state := insert(resource_state).values(values_of(resource_state, "id"))
    ).on_conflict_do_update(
        index_elements=["resource_id", "state"],
        set_={name: _put_state.excluded[name] for name in ("size", "mtime_ns")},
    ),
    "resource_state_ids": ids_by(resource_state, "resource_id", "state", given="ids"),
    "add_origin": adding(origin, "id"),
    "origin_ids": ids_by(origin, "frames", given="texts"),
    "add_trace_resource": adding(trace_resource),
}

_recent = and_(run.c.ended.is_(None), run.c.started >= bindparam("recent"))
_rank = (
    func.row_number()
    .over(
        partition_by=(trace.c.subject_id, run.c.environment_id),
        order_by=(run.c.started.desc(), run.c.id.desc()),
    )
    .label("rank")
)
_ranked = (
    select(execution.c.trace_id, run.c.id.label("run_id"), run.c.started, _rank)
    .select_from(execution.join(trace).join(run))
    .subquery()
)
_unprotected = trace.c.run_id.not_in(select(run.c.id).where(_recent))
_used = select(trace_use.c.used_id.label("id")).join(
    execution, execution.c.trace_id == trace_use.c.user_id
)
_reached = _used.cte("reached", recursive=True)
_reached = _reached.union(
    select(trace_use.c.used_id).join(_reached, _reached.c.id == trace_use.c.user_id)
)


def _dropping_executions(condition: ColumnElement[bool]) -> Executable:
    """Delete the executions that one rule names, but for those of runs that go on."""
    return delete(execution).where(
        execution.c.trace_id.in_(select(_ranked.c.trace_id).where(condition)),
        execution.c.trace_id.in_(select(trace.c.id).where(_unprotected)),
    )


_place = func.row_number().over(
    partition_by=run.c.environment_id, order_by=(run.c.started.desc(), run.c.id.desc())
)
_placed = select(run.c.id, _place.label("place")).subquery()
_newest_of_environment = select(_placed.c.id).where(_placed.c.place == _ONE)
_no_executions = ~exists().where(trace.c.run_id == run.c.id, execution.c.trace_id == trace.c.id)
_environment_runs = select(run.c.id).join(environment).where(among(environment.c.name, "names"))

PRUNING: dict[str, Executable] = {
    "recent_runs": select(run.c.id).where(_recent),
    "prune_tests": delete(execution).where(
        execution.c.trace_id.in_(
            select(trace.c.id)
            .join(subject)
            .where(subject.c.kind == _TEST, among(subject.c.name, "nodeids"), _unprotected)
        )
    ),
    "prune_beyond": _dropping_executions(_ranked.c.rank > bindparam("keep", type_=Integer)),
    "prune_older": _dropping_executions(
        and_(
            _ranked.c.started < bindparam("before"),
            _ranked.c.rank > _ONE,
        )
    ),
    "prune_environment_executions": delete(execution).where(
        execution.c.trace_id.in_(
            select(trace.c.id).where(trace.c.run_id.in_(_environment_runs), _unprotected)
        )
    ),
    "prune_environment_runs": delete(run).where(run.c.id.in_(_environment_runs), ~_recent),
    "prune_empty_runs": delete(run).where(
        _no_executions,
        ~_recent,
        or_(run.c.id.not_in(_newest_of_environment), run.c.started < bindparam("before")),
    ),
    "prune_environments": delete(environment).where(
        ~exists().where(run.c.environment_id == environment.c.id)
    ),
    "prune_failures": delete(failure).where(
        ~exists().where(execution.c.trace_id == failure.c.trace_id)
    ),
    "prune_tests_left": delete(test).where(
        test.c.id.not_in(select(trace.c.subject_id).join(execution))
    ),
    # Traces of imports and of collection belong to their run; those of tests and fixtures to an
    # execution.
    "prune_traces": delete(trace).where(
        or_(
            ~exists().where(run.c.id == trace.c.run_id),
            and_(
                trace.c.subject_id.in_(
                    select(subject.c.id).where(
                        or_(subject.c.kind == _TEST, subject.c.kind == _FIXTURE)
                    )
                ),
                ~exists().where(execution.c.trace_id == trace.c.id),
                trace.c.id.not_in(select(_reached.c.id)),
                _unprotected,
            ),
        )
    ),
    "prune_trace_sets": delete(trace_set).where(trace_set.c.trace_id.not_in(select(trace.c.id))),
    "prune_sets": delete(fingerprint_set).where(
        ~exists().where(trace_set.c.set_id == fingerprint_set.c.id)
    ),
    "prune_members": delete(fingerprint_in_set).where(
        fingerprint_in_set.c.set_id.not_in(select(fingerprint_set.c.id))
    ),
    "prune_uses": delete(trace_use).where(
        or_(
            trace_use.c.user_id.not_in(select(trace.c.id)),
            trace_use.c.used_id.not_in(select(trace.c.id)),
        )
    ),
    "prune_trace_resources": delete(trace_resource).where(
        trace_resource.c.trace_id.not_in(select(trace.c.id))
    ),
    "prune_subjects": delete(subject).where(
        subject.c.id.not_in(select(trace.c.subject_id)), subject.c.id.not_in(select(test.c.id))
    ),
    "prune_fingerprints": delete(fingerprint).where(
        ~exists().where(fingerprint_in_set.c.fingerprint_id == fingerprint.c.id)
    ),
    "prune_blocks": delete(block).where(block.c.source_id.not_in(select(fingerprint.c.source_id))),
    "prune_resource_states": delete(resource_state).where(
        resource_state.c.id.not_in(select(trace_resource.c.resource_state_id))
    ),
    "prune_resources": delete(resource).where(
        resource.c.id.not_in(select(resource_state.c.resource_id))
    ),
    "prune_origins": delete(origin).where(origin.c.id.not_in(select(trace_resource.c.origin_id))),
    "prune_snapshots": delete(snapshot).where(~exists().where(run.c.snapshot_id == snapshot.c.id)),
    "prune_package_sets": delete(package_set).where(
        ~exists().where(run.c.package_set_id == package_set.c.id)
    ),
    "prune_fact_sets": delete(fact_set).where(~exists().where(run.c.fact_set_id == fact_set.c.id)),
    "all_snapshots": select(snapshot.c.versions),
    "prune_versions": delete(source_version).where(
        source_version.c.id.not_in(listed("ids", Integer()))
    ),
    "prune_models": delete(source_model).where(
        source_model.c.version_id.not_in(select(source_version.c.id))
    ),
    "prune_sources": delete(source).where(
        ~exists().where(source_version.c.source_id == source.c.id),
        ~exists().where(fingerprint.c.source_id == source.c.id),
    ),
}

_of_runs = select(trace.c.id).where(among(trace.c.run_id, "runs"))
_of_run = trace.c.run_id == bindparam("run_id")
_is_run = exists().where(execution.c.trace_id == trace.c.id, trace.c.subject_id == subject.c.id)
_observed = union(
    select(trace.c.subject_id).where(among(trace.c.run_id, "runs")),
    select(_there.c.subject_id)
    .select_from(trace_use.join(_there, _there.c.id == trace_use.c.used_id))
    .where(trace_use.c.user_id.in_(_of_runs)),
)

EVIDENCE: dict[str, Executable] = {
    "evidence_subjects": select(
        subject.c.id,
        subject.c.kind,
        subject.c.name,
        test.c.path,
        test.c.function,
        test.c.kind.label("test_kind"),
        _is_run.where(among(trace.c.run_id, "runs")).label("is_run"),
    )
    .select_from(subject.outerjoin(test, test.c.id == subject.c.id))
    .where(subject.c.id.in_(_observed)),
    "subjects_of_run": select(subject.c.id, subject.c.kind, subject.c.name)
    .select_from(trace.join(subject))
    .where(_of_run),
    "evidence_sets": select(fingerprint_set.c.id, fingerprint_set.c.fingerprints).where(
        fingerprint_set.c.id.in_(
            select(trace_set.c.set_id).where(trace_set.c.trace_id.in_(_of_runs))
        )
    ),
    "evidence_states": select(
        resource_state.c.id, resource.c.kind, resource.c.name, resource_state.c.state
    )
    .select_from(resource_state.join(resource))
    .where(
        resource_state.c.id.in_(
            select(trace_resource.c.resource_state_id).where(
                trace_resource.c.trace_id.in_(_of_runs)
            )
        )
    ),
    "evidence_origins": select(origin.c.id, origin.c.frames).where(
        origin.c.id.in_(
            select(trace_resource.c.origin_id).where(trace_resource.c.trace_id.in_(_of_runs))
        )
    ),
    "evidence_traces": select(
        trace.c.id,
        trace.c.subject_id,
        trace.c.unknown,
        trace.c.complete,
        trace_set.c.set_id,
        execution.c.outcome,
        execution.c.duration,
        execution.c.always,
        failure.c.text,
    )
    .select_from(trace.outerjoin(trace_set).outerjoin(execution).outerjoin(failure))
    .where(_of_run),
    "evidence_uses": select(trace_use.c.user_id, _there.c.subject_id)
    .select_from(
        trace_use.join(trace, trace.c.id == trace_use.c.user_id).join(
            _there, _there.c.id == trace_use.c.used_id
        )
    )
    .where(_of_run),
    "evidence_resources": select(
        trace_resource.c.trace_id, trace_resource.c.resource_state_id, trace_resource.c.origin_id
    )
    .select_from(trace_resource.join(trace))
    .where(_of_run),
    "newest_of_tests": select(
        subject.c.name,
        func.max(run.c.started).label("started"),
        test.c.path,
        test.c.function,
        test.c.kind,
    )
    .select_from(_executions.join(run, run.c.id == trace.c.run_id))
    .where(subject.c.kind == _TEST, among(subject.c.name, "nodeids"))
    .group_by(subject.c.id),
    "exchanged": select(
        exchanged.c.content, exchanged.c.run_key, exchanged.c.executions, exchanged.c.ended
    ),
    "add_exchanged": adding(exchanged),
    "some_blocks": select(block.c.number, block.c.checksum).where(
        block.c.source_id == bindparam("source_id"), among(block.c.number, "numbers")
    ),
    # What others bring says nothing of the times of our files.
    "add_version_alone": adding(source_version, "id"),
    # The same model may be packed in two ways: whoever unites them in whatever order keeps the same
    # one.
    "put_model": (
        _put_model := insert(source_model).values(values_of(source_model))
    ).on_conflict_do_update(
        index_elements=["version_id"],
        set_={name: _put_model.excluded[name] for name in ("names", "model")},
        where=_put_model.excluded.model < source_model.c.model,
    ),
}

STATEMENTS: dict[str, Executable] = {**READING, **WRITING, **PRUNING, **EVIDENCE}
