"""Read all sources of a run, and bring their snapshots up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scimsync.config.lookup_settings import place_of_source
from scimsync.config.models import Config
from scimsync.desired.reference_lookup import NameExpression
from scimsync.errors import SOURCE_ERRORS, GuardStop, ScimsyncError, SourceFormatError, most_severe
from scimsync.model.batches import batches
from scimsync.model.ids import Seq
from scimsync.model.limits import Limit
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.records import Problem
from scimsync.plan import Allowance, Violation
from scimsync.run.context import Context
from scimsync.run.stopping import stopped_by_sources, violation_of
from scimsync.snapshot.ingest import Ingested, SourceLimits, ingest
from scimsync.snapshot.view import SnapshotView
from scimsync.state import record_names
from scimsync.state.store import Store

MOST_ENTRIES = 100_000
"""The number of entries that a table may have: all tables are in memory."""

_SOME = 1000

Refused = Mapping[str, ScimsyncError]
"""The sources that cannot be used, and why."""


_ALL = 100


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome of reading the sources.

    `refused` maps a source that a guard stops, or that cannot be used, to the reason.
    """

    sources: Mapping[str, Ingested]
    refused: Mapping[str, ScimsyncError] = field(default_factory=dict)

    @property
    def readable(self) -> list[str]:
        """The sources that could be read, including those that a guard stops."""
        stopped = [name for name, why in self.refused.items() if isinstance(why, GuardStop)]
        return [*self.sources, *stopped]

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The guards that stop sources."""
        stops = (why for why in self.refused.values() if isinstance(why, GuardStop))
        return tuple(violation_of(stop) for stop in stops)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All rows that need to be corrected."""
        return tuple(problem for source in self.sources.values() for problem in source.problems)


def source_limits(guard: Mapping[str, Limit], allowance: Allowance) -> SourceLimits:
    """Return what sources may lose: by the limits of `[guard]`, and by what a run is allowed."""
    known = (guard, allowance.limits)
    return SourceLimits(
        [limits["min_records"] for limits in known if "min_records" in limits],
        [limits["max_emptied"] for limits in known if "max_emptied" in limits],
        allowance.emptied,
        max_shifted=None
        if "max_identity_changes" in allowance.limits
        else _max_shifted(guard["max_identity_changes"]),
    )


def _max_shifted(limit: Limit) -> int | None:
    """Return how many cells may change where a column moves by one row; see `SourceLimits`.

    A share of the accounts is made for single users, so that only all of them or a number count.
    """
    if limit.is_share:
        return None if limit.of(_ALL) >= _ALL else 0
    return limit.of(0)


def read_sources(context: Context) -> Reading:
    """Bring all snapshots up to date, or write the changes to the overlay.

    Raise SourceUnavailable, SourceFormatError or ConfigError if no target is left whose sources can
    be used, and no guard is the reason.
    """
    if not context.options.read:
        config = context.compiled.config
        unusable = fill_tables(config, context.records, config.table_values)
        refresh_names(context.store, context.overlay, context.compiled.names)
        return Reading({}, unusable)
    compiled, report = context.compiled, context.report
    limits = source_limits(compiled.config.guard.limits, context.options.allowance)
    ingested: dict[str, Ingested] = {}
    refused: dict[str, ScimsyncError] = {}
    for name, source in compiled.sources.items():
        report(name, "reading", 0)
        try:
            ingested[name] = ingest(
                context.store,
                source.spec,
                source.used,
                source.index,
                limits,
                context.now.time,
                context.overlay,
                source.named,
                whole=context.options.refresh,
            )
        except SOURCE_ERRORS as error:
            error.source = name
            refused[name] = error
        else:
            report(name, "reading", ingested[name].records)
    refused |= fill_tables(compiled.config, context.records, list(ingested))
    ingested = {name: one for name, one in ingested.items() if name not in refused}
    reading = Reading(ingested, refused)
    stopped = stopped_by_sources(compiled.sources_of_targets, refused)
    # a saved plan is carried out as a whole or not at all
    none_left = stopped.keys() == compiled.targets.keys() or context.options.saved is not None
    if refused and none_left and not reading.violations:
        raise most_severe(refused.values())
    refresh_names(context.store, context.overlay, context.compiled.names)
    return reading


def fill_tables(config: Config, records: SnapshotView, sources: Iterable[str]) -> Refused:
    """Fill the tables that are read with the rows of their sources.

    Of `sources`, only those of tables count. Return those that cannot be used.
    """
    refused: dict[str, ScimsyncError] = {}
    for source in sources:
        if source in config.table_values:
            try:
                fill_table(config, source, records)
            except SourceFormatError as error:
                error.source = source
                refused[source] = error
    return refused


def fill_table(config: Config, source: str, records: SnapshotView) -> None:
    """Fill the table that a source is read for with the values of its column, by key.

    Raise SourceFormatError if there are too many.
    """
    place = place_of_source(source)
    table, column = config.tables[place[1]], config.table_values[source]
    assert isinstance(table, ReadTable)  # noqa: S101 - it has a source
    entries: dict[str, object] = {}
    for some in batches(records.changed_keys([source], Seq(-1)), _SOME):
        for record in records.get([source], some).values():
            if not record.removed:
                entries[record.key] = record.data.get(column, "")
        if len(entries) > MOST_ENTRIES:
            raise SourceFormatError(
                f"{config.where(*place)}: the table has more than {MOST_ENTRIES:,} entries",
                hint="join the files in the query of a source instead",
                code="SYNC-0296",
            )
    table.fill(entries.items())


def refresh_names(
    store: Store, overlay: Store | None, names: Mapping[str, Sequence[NameExpression]]
) -> None:
    """Bring the names of all records up to date, by which references find them.

    `names` are the expressions, by source. With an `overlay`, they are stored there.
    """
    for source, expressions in names.items():
        naming = {one.by: one.of_record for one in expressions}
        if not naming:
            continue
        if overlay is not None:
            with store.read() as known, overlay.write() as written:
                record_names.lay_over(known, written, source, naming)
            continue
        with store.read() as connection:
            behind = record_names.outdated(connection, source, naming)
        if behind:
            with store.write() as connection:
                record_names.refresh(connection, source, behind)
