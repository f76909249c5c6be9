"""Check the sources: read them, and look for columns that expressions miss and for bad rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scimsync.cli.commands.check.check_results import CheckResult, Level, Subject
from scimsync.cli.commands.check.display_checks import check_display, check_display_columns
from scimsync.cli.commands.check.expression_checks import check_expressions
from scimsync.cli.commands.check.mapped_values import TargetValues
from scimsync.cli.commands.check.source_details import source_details
from scimsync.cli.ui.session import sources_of
from scimsync.config.models import Config
from scimsync.desired import check_columns
from scimsync.errors import ScimsyncError
from scimsync.formatting import plural, printable
from scimsync.plan import Allowance, Now
from scimsync.run.compile import check_value_column, columns_of_table, source_spec
from scimsync.run.compiled import CompiledTarget, names_of
from scimsync.run.display_names import display_columns
from scimsync.run.reading import fill_table, refresh_names, source_limits
from scimsync.snapshot.index import index_path
from scimsync.snapshot.ingest import ingest
from scimsync.snapshot.view import SnapshotView
from scimsync.state.store import Store, scratch_store

_PROBLEMS_SHOWN = 10


def check_sources(
    config: Config,
    names: Sequence[str],
    targets: Mapping[str, CompiledTarget],
    faults: Mapping[str, list[CheckResult]],
    values: Mapping[str, TargetValues],
    store: Store,
    now: Now,
) -> Iterator[CheckResult]:
    """Read the sources of the targets called `names` as a plan reads them; store nothing.

    Add a mapping that names a missing column to the `faults` of its target, and the results of the
    mappings to its `values`.
    """
    found: dict[str, list[str]] = {}
    readable: set[str] = set()
    display, wrong = check_display(config)
    yield from wrong
    scratch = scratch_store()
    try:
        for name in sources_of(config, names):
            try:
                spec = source_spec(config, name)
                found[name] = spec.columns()
                check_value_column(config, spec, found[name])
            except ScimsyncError as error:
                yield Subject("source", name).failed(error)
                continue
            used = {column for each in targets.values() for column in _columns_used(each, name)}
            used |= {*columns_of_table(config, name), *display_columns(config, display, name)}
            in_use = list(filter(used.__contains__, found[name]))
            # a target with an error may use other columns
            whole = all(one in targets for one in names if name in sources_of(config, [one]))
            count = f", {len({*in_use, spec.key})} of them used" if whole else ""
            count = f"{plural(len(found[name]), 'column')}{count}"
            for result in _check_rows(
                config, name, found[name], in_use, count, (store, scratch), now
            ):
                if result.level is Level.OK:
                    readable.add(name)
                yield result
        yield from check_display_columns(config, display, found)
        view = SnapshotView(store, scratch)
        yield from _check_tables(config, readable, view)
        naming = {name: names_of(name, targets.values()) for name in readable}
        refresh_names(store, scratch, naming)
        for name, target in targets.items():
            try:
                _check_columns(target, found)
            except ScimsyncError as error:
                faults[name].append(Subject("target", name).failed(error))
                continue
            if readable.issuperset(target.all_sources):
                faults[name] += check_expressions(target, view, now.today, values[name])
    finally:
        scratch.close()


def _check_tables(config: Config, readable: set[str], view: SnapshotView) -> Iterator[CheckResult]:
    """Read the tables of the `readable` sources, and remove sources that cannot be read from it."""
    for name in sorted(readable & config.table_values.keys()):
        try:
            fill_table(config, name, view)
        except ScimsyncError as error:
            readable.discard(name)
            yield Subject("source", name).failed(error)


def _check_rows(
    config: Config,
    name: str,
    found: Sequence[str],
    used: Sequence[str],
    counted: str,
    stores: tuple[Store, Store],
    now: Now,
) -> Iterator[CheckResult]:
    """Read a source with the columns `found`, of which expressions use `used`.

    `stores` are the state and the overlay for changes.
    """
    store, scratch = stores
    subject = Subject("source", name)
    index = index_path(config.state_dir, name)
    try:
        limits = source_limits(config.guard.limits, Allowance())
        read = ingest(store, source_spec(config, name), used, index, limits, now.time, scratch)
    except ScimsyncError as error:
        yield subject.failed(error)
        return
    yield subject.ok(
        f"{read.label}: {plural(read.records, 'record')}, {counted}",
        source_details(config, name, found, used, stores),
    )
    if read.problems:
        lines = [printable(problem.within_source) for problem in read.problems[:_PROBLEMS_SHOWN]]
        if len(read.problems) > _PROBLEMS_SHOWN:
            lines.append(f"and {len(read.problems) - _PROBLEMS_SHOWN:,} more")
        yield subject.warning(
            f"{plural(len(read.problems), 'row')} cannot be used; the accounts of their keys do not"
            " change",
            code="SYNC-0953",
            details=lines,
        )


def _columns_used(target: CompiledTarget, source: str) -> Iterator[str]:
    if source in target.sources:
        yield from target.program.columns
    for rule in target.groups.values():
        if rule.source == source:
            yield from rule.program.columns


def _check_columns(target: CompiledTarget, found: Mapping[str, Sequence[str]]) -> None:
    """Raise ConfigError for a column that no source has; ignore sources that cannot be read."""
    if all(source in found for source in target.sources):
        check_columns(target.program, {source: found[source] for source in target.sources})
    for rule in target.groups.values():
        if rule.source is not None and rule.source in found:
            check_columns(rule.program, {rule.source: found[rule.source]})
