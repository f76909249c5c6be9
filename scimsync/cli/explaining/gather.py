"""Puts together what is said of one person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from scimsync.cli.explaining.model import Account, Explanation, Wanted
from scimsync.cli.explaining.rules import hidden_columns, judge_rules, referred, resolve, want
from scimsync.cli.plans import problem_line
from scimsync.config.models import Config
from scimsync.desired import Program
from scimsync.errors import ConfigError, ScimsyncError, StateError
from scimsync.execute.books import Now
from scimsync.model.ids import Key, Kind
from scimsync.model.operations import JournaledOperation, OperationFilter
from scimsync.model.records import Record
from scimsync.model.suggestions import did_you_mean
from scimsync.plan.diff import changes_between
from scimsync.plan.guard import Allowance
from scimsync.run.compile import compile_config
from scimsync.run.compile_mappings import compile_users
from scimsync.run.prepare import (
    Options,
    Prepared,
    problems_of_plan,
    read_sources,
)
from scimsync.run.push import plan
from scimsync.snapshot.view import SnapshotView
from scimsync.state import holds, journal, links, overview
from scimsync.state.store import Store, scratch_store

HISTORY = 10


def explain(
    config: Config, names: Sequence[str], store: Store, key: Key, now: Now, *, offline: bool
) -> Explanation:
    """What is known of `key` at the targets called `names`. Targets are asked as a plan asks them,
    unless `offline`.

    Sources that cannot be read, targets that cannot be asked: what the state knows is told
    nevertheless. Raises ConfigError for what is wrong in sync.toml, and for a key that nobody has.
    """
    programs = {name: compile_users(config, name) for name in config.targets}
    sources = list(
        dict.fromkeys(source for name in names for source in config.targets[name].source)
    )
    with _planned(config, names, store, key, now, offline=offline) as (prepared, trouble):
        view = prepared.books.view if prepared is not None else SnapshotView(store)
        records = [record for source in sources for record in view.get([source], [key]).values()]
        with store.read() as connection:
            known = links.known_key(connection, key)
            held = holds.held(connection, [key]).get(key)
        if not records and not known:
            raise _unknown(config, names, sources, store, key, now)
        hidden = hidden_columns(programs.values())
        here = [record for record in records if not record.removed]
        return Explanation(
            key=key,
            records=records,
            hidden=hidden,
            rules=judge_rules(config, list(programs.values()), here[0], now.today) if here else (),
            accounts=[
                _account(
                    config,
                    name,
                    store,
                    programs[name],
                    view.get(config.targets[name].source, [key]).get(key),
                    hidden,
                    now,
                    prepared,
                    key,
                )
                for name in names
            ],
            note="\n".join([*_bad_rows(prepared, key), *_note(prepared, trouble)]) or None,
            held=held,
        )


@contextmanager
def _planned(
    config: Config, names: Sequence[str], store: Store, key: Key, now: Now, *, offline: bool
) -> Iterator[tuple[Prepared | None, ScimsyncError | None]]:
    """A plan for `key` alone, and what stood in its way; without the targets where a secret is
    missing, None where no source can be read."""
    trouble: ScimsyncError | None = None
    with ExitStack() as stack:
        prepared: Prepared | None = None
        try:
            setup = compile_config(config, names)
        except (ConfigError, StateError):
            raise
        except ScimsyncError as error:
            yield None, error
            return
        for without_targets in dict.fromkeys((offline, True)):
            try:
                prepared = stack.enter_context(
                    plan(setup, store, Options((key,), without_targets), now, _say_nothing)
                )
                break
            except StateError:
                raise
            except ScimsyncError as error:
                trouble = error
        yield prepared, trouble


def _note(prepared: Prepared | None, trouble: ScimsyncError | None) -> list[str]:
    if trouble is None:
        return []
    if prepared is None:
        return [f"the sources cannot be read now, this is what was read last: {trouble}"]
    return [f"no target was asked: {trouble}"]


def _bad_rows(prepared: Prepared | None, key: Key) -> list[str]:
    """What is wrong with the rows of this key, which are left out."""
    if prepared is None:
        return []
    of_plan = problems_of_plan(prepared.books, prepared)
    return [problem_line(one) for one in prepared.problems if one.key == key and one not in of_plan]


def _say_nothing(name: str, what: str, number: int, total: int | None = None) -> None:
    """Takes what a run reports."""


def _account(
    config: Config,
    name: str,
    store: Store,
    program: Program,
    record: Record | None,
    hidden: frozenset[str],
    now: Now,
    prepared: Prepared | None,
    key: Key,
) -> Account:
    wanted = (
        Wanted() if record is None or record.removed else want(program, record, now.today, hidden)
    )
    with store.read() as connection:
        link = links.get_links(connection, name, Kind.USER, [key]).get(key)
        accounts = links.remote_ids(connection, name, referred(wanted.document))
        about = OperationFilter(target=name, kind=Kind.USER, keys=[key])
        history = list(journal.last(connection, about, HISTORY))
    desired = resolve(wanted.document, accounts)
    operations, note = _would_send(prepared, name)
    return Account(
        target=name,
        url=config.targets[name].url,
        scope=config.targets[name].scope,
        in_scope=wanted.in_scope,
        failure=wanted.failure,
        desired=desired,
        once=wanted.once,
        link=link,
        changes=(
            changes_between(link.document, desired)
            if link is not None and link.has_account and wanted.in_scope
            else ()
        ),
        operations=operations,
        note=note,
        history=history,
    )


def _would_send(
    prepared: Prepared | None, name: str
) -> tuple[list[JournaledOperation] | None, str | None]:
    """The operations that a push of this person would come to, or why they are not known."""
    if prepared is None:
        return None, "not known: the sources cannot be read"
    if name not in prepared.targets:
        return None, f"nothing: a guard stops every push: {prepared.guard}"
    error = prepared.targets[name].error
    if error is not None:
        return (
            None,
            (
                f"not known: {error.message.removeprefix(f'{name}: ')}; --offline tells without"
                " asking the target"
            ),
        )
    books = prepared.books
    with books.journal.read() as connection:
        return list(journal.find(connection, OperationFilter(run=books.run, target=name))), None


def _unknown(
    config: Config, names: Sequence[str], sources: Sequence[str], store: Store, key: Key, now: Now
) -> ConfigError:
    """The error for a key that nobody has, with the one that may have been meant, and what is wrong
    with a row of this key."""
    with store.read() as connection:
        named = overview.keys_named(connection, key)
        candidates = set(overview.keys_like(connection, sources, key))
    if named:
        where, meant = named[0]
        return ConfigError(
            f"nobody has the key {key!r}", hint=f'it is the userName of "{meant}" at {where}'
        )
    with closing(scratch_store()) as scratch:
        try:
            reading = read_sources(
                compile_config(config, names), store, scratch, now, Allowance(), _say_nothing
            )
        except ScimsyncError as error:
            said = [error.message]
        else:
            said = [problem_line(problem) for problem in reading.problems if problem.key == key]
        with scratch.read() as connection:
            candidates.update(overview.keys_like(connection, sources, key))
    return ConfigError(
        f"nobody has the key {key!r}: no record in {', '.join(sources)}, and no account",
        details=said,
        hint=did_you_mean(key, candidates),
    )
