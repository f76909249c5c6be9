"""Everything known about one key: its records, its accounts, and what a push would do for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

from scimsync.cli.commands.explain.evaluation import (
    EvaluatedMapping,
    EvaluatedRule,
    evaluate_mapping,
    evaluate_rules,
    referenced_keys,
    resolve_references,
    secret_columns,
    with_names,
)
from scimsync.cli.ui.problems import problem_line
from scimsync.config.models import Config
from scimsync.desired import Program
from scimsync.errors import SOURCE_ERRORS, ConfigError, ScimsyncError, StateError
from scimsync.model.changes import Change
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.ids import Document, Key, Kind
from scimsync.model.links import Link
from scimsync.model.operations import JournaledOperation, OperationFilter
from scimsync.model.pins import Pin
from scimsync.model.records import Record
from scimsync.plan import Now
from scimsync.plan.definition import ShownRequests
from scimsync.plan.document_diff import changes_between
from scimsync.run import Options, PlannedRun, plan
from scimsync.run.compile import compile_config, with_secrets
from scimsync.run.compile_mappings import compile_users
from scimsync.run.context import Context
from scimsync.run.display_names import display_names
from scimsync.run.options import MOST_READ
from scimsync.run.reading import fill_tables, read_sources
from scimsync.snapshot.view import SnapshotView
from scimsync.state import holds, link_store, operation_journal, overview, pin_store
from scimsync.state.store import Store, scratch_store

_HISTORY = 10


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One key at one target.

    `in_scope` is None without a record, and where the mapping failed with `failure`. `desired` and
    `once` (sent at creation only) are what the mapping gives; `changes` is how that differs from
    what the target acknowledged. `operations` are what a push would do now, None if that is
    unknown; `note` says why. `history` is the end of the journal, the newest last. `pin` has the
    values that a revert restored and keeps.
    """

    target: str
    url: str
    scope: str | None
    in_scope: bool | None
    failure: str | None
    desired: Document
    once: Document
    link: Link | None
    changes: Sequence[Change]
    operations: Sequence[ShownRequests] | None
    note: str | None
    history: Sequence[JournaledOperation]
    pin: Pin | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One key at all targets.

    `secret` are the columns of passwords. `note` says why sources cannot be read now. `held` is the
    time when the key was deprovisioned by hand. `name` is shown beside the key.
    """

    key: Key
    records: Sequence[Record]
    secret: frozenset[str]
    rules: Sequence[EvaluatedRule]
    accounts: Sequence[AccountReport] = ()
    note: str | None = None
    held: datetime | None = None
    name: str | None = None

    def data(self, record: Record) -> Mapping[str, object]:
        """Return the columns of a record without secrets."""
        return {
            name: "(secret)" if name in self.secret else value
            for name, value in record.data.items()
        }


def explain(
    config: Config,
    names: Sequence[str],
    store: Store,
    key: Key,
    now: Now,
    *,
    offline: bool,
    exact: bool = False,
) -> Explanation:
    """Explain `key` at the targets called `names`, which are read as a plan reads them.

    With `exact`, resources that are written as a whole are read, to show the whole requests. Where
    a source or a target cannot be read, the state is used alone, as with `offline`. Raise
    ConfigError for what is wrong in sync.toml, and for an unknown key.
    """
    programs = {name: compile_users(config, name) for name in config.targets}
    sources = list(
        dict.fromkeys(source for name in names for source in config.targets[name].source)
    )
    with _planned(config, names, store, key, now, offline=offline, exact=exact) as planned:
        prepared, error = planned
        view = prepared.records if prepared is not None else SnapshotView(store)
        fill_tables(config, view, config.table_values)
        found = [record for source in sources for record in view.get([source], [key]).values()]
        with store.read() as connection:
            known = link_store.is_known_key(connection, key)
            held = holds.held(connection, [key]).get(key)
        if not found and not known:
            raise _unknown_key(config, names, sources, store, key, now)
        secret = secret_columns(programs.values())
        present = [record for record in found if not record.removed]
        rules: Sequence[EvaluatedRule] = ()
        if present:
            rules = evaluate_rules(config, list(programs.values()), present[0], now.today)
        accounts = []
        for name in names:
            record = view.get(config.targets[name].source, [key]).get(key)
            evaluated = _evaluate(programs[name], record, now, secret)
            mapping = with_names(evaluated, view, config.targets[name].source, key)
            accounts.append(_account_report(config, name, store, key, mapping, prepared))
        return Explanation(
            key=key,
            records=found,
            secret=secret,
            rules=rules,
            accounts=accounts,
            note="\n".join([*_bad_rows(prepared, key), *_note(prepared, error)]) or None,
            held=held,
            name=_name(config, names, store, view, key),
        )


@contextmanager
def _planned(
    config: Config,
    names: Sequence[str],
    store: Store,
    key: Key,
    now: Now,
    *,
    offline: bool,
    exact: bool,
) -> Iterator[tuple[PlannedRun | None, ScimsyncError | None]]:
    """Plan `key` alone, and give the error that stood in the way.

    Where a secret is missing the plan is made without targets; it is None if no source can be
    read.
    """
    failure: ScimsyncError | None = None
    with ExitStack() as stack:
        prepared: PlannedRun | None = None
        try:
            setup = compile_config(config, names, secrets=False)
        except (ConfigError, StateError):
            raise
        except ScimsyncError as error:
            yield None, error
            return
        for without_targets in dict.fromkeys((offline, True)):
            try:
                if not without_targets:
                    setup = with_secrets(setup)
                most_read = MOST_READ if exact else 0
                options = Options((key,), without_targets, most_read=most_read)
                prepared = stack.enter_context(plan(setup, store, options, now, _no_report))
                break
            except StateError:
                raise
            except ScimsyncError as error:
                failure = error
        yield prepared, failure


def _note(prepared: PlannedRun | None, error: ScimsyncError | None) -> list[str]:
    if error is None:
        return []
    if prepared is None:
        return [f"the sources cannot be read; this is the last snapshot: {error}"]
    return [f"no target was contacted: {error}"]


def _name(
    config: Config, names: Sequence[str], store: Store, view: SnapshotView, key: Key
) -> str | None:
    reader = display_names(config, store, view)
    return None if reader is None else reader.names_anywhere(names, [key]).get(key)


def _bad_rows(prepared: PlannedRun | None, key: Key) -> list[str]:
    """Return what is wrong with the rows of this key that are left out."""
    if prepared is None:
        return []
    return [problem_line(one) for one in prepared.row_problems if one.key == key]


def _no_report(name: str, what: str, number: int, total: int | None = None) -> None:
    """Ignore the progress of a run."""


def _evaluate(
    program: Program, record: Record | None, now: Now, secret: frozenset[str]
) -> EvaluatedMapping:
    if record is None or record.removed:
        return EvaluatedMapping()
    return evaluate_mapping(program, record, now.today, secret)


def _account_report(
    config: Config,
    name: str,
    store: Store,
    key: Key,
    mapping: EvaluatedMapping,
    prepared: PlannedRun | None,
) -> AccountReport:
    with store.read() as connection:
        link = link_store.get_links(connection, name, Kind.USER, [key]).get(key)
        accounts = link_store.remote_ids(connection, name, referenced_keys(mapping.document))
        about = OperationFilter(target=name, kind=Kind.USER, keys=[key])
        history = list(operation_journal.last(connection, about, _HISTORY))
        pin = pin_store.get_pins(connection, name, Kind.USER, [key]).get(key)
    desired = resolve_references(mapping.document, accounts)
    changes: Sequence[Change] = ()
    if link is not None and link.has_account and mapping.in_scope:
        changes = changes_between(link.document, desired)
    operations, note = _operations(prepared, name)
    return AccountReport(
        target=name,
        url=config.targets[name].url,
        scope=config.targets[name].scope,
        in_scope=mapping.in_scope,
        failure=mapping.failure,
        desired=desired,
        once=mapping.once,
        link=link,
        changes=changes,
        operations=operations,
        note=note,
        history=history,
        pin=pin,
    )


def _operations(
    prepared: PlannedRun | None, name: str
) -> tuple[list[ShownRequests] | None, str | None]:
    """Return the operations that a push of this key would send, or why they are not known."""
    if prepared is None:
        return None, "unknown: the sources cannot be read"
    plan = prepared.plan
    error = plan.targets[name].error
    if isinstance(error, SOURCE_ERRORS):
        return None, f"sends nothing: {error.message}"
    if error is not None:
        why = error.message.removeprefix(f"{name}: ")
        return None, f"unknown: {why}; --offline plans without the target"
    failed = plan.targets[name].reader.failed_operations()
    shown = plan.targets[name].shown_requests()
    return [*shown, *(ShownRequests(operation, ()) for operation in failed)], None


def _unknown_key(
    config: Config, names: Sequence[str], sources: Sequence[str], store: Store, key: Key, now: Now
) -> ConfigError:
    """Return the error for an unknown key, with a similar one and the problems of its rows."""
    with store.read() as connection:
        named = overview.keys_named(connection, key)
        candidates = set(overview.keys_like(connection, sources, key))
    if named:
        where, meant = named[0]
        return ConfigError(
            f'unknown key "{key}"',
            hint=f'it is the userName of "{meant}" at {where}',
            code="SYNC-0350",
        )
    with closing(scratch_store()) as scratch:
        try:
            reading = read_sources(
                Context(
                    compiled=compile_config(config, names, secrets=False),
                    store=store,
                    options=Options(),
                    now=now,
                    report=_no_report,
                    overlay=scratch,
                )
            )
        except ScimsyncError as error:
            details = [error.message]
        else:
            details = [problem_line(problem) for problem in reading.problems if problem.key == key]
        with scratch.read() as connection:
            candidates.update(overview.keys_like(connection, sources, key))
    return ConfigError(
        f'unknown key "{key}": no record in {", ".join(sources)} and no linked account',
        details=details,
        hint=did_you_mean(key, candidates),
        code="SYNC-0350",
    )
