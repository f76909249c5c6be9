"""Read all sources of a run, and bring their snapshots up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scimsync.errors import GuardStop, ScimsyncError
from scimsync.model.records import Problem
from scimsync.plan import Violation
from scimsync.run.context import Context
from scimsync.snapshot.ingest import Ingested, Shrinking, ingest


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome of reading the sources. `violations` say why no operation may be sent."""

    sources: Mapping[str, Ingested]
    violations: tuple[Violation, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All rows that need to be corrected."""
        return tuple(problem for source in self.sources.values() for problem in source.problems)


def read_sources(context: Context) -> Reading:
    """Bring all snapshots up to date, or write the changes to the overlay.

    Raise SourceUnavailable, SourceFormatError.
    """
    if not context.options.read:
        return Reading({})
    compiled, report = context.compiled, context.report
    ingested: dict[str, Ingested] = {}
    violations: list[Violation] = []
    for name, source in compiled.sources.items():
        allowed = context.options.allowance.limits.get("min_records")
        shrinking = Shrinking(compiled.config.guard.min_records, allowed)
        report(name, "reading", 0)
        try:
            ingested[name] = ingest(
                context.store,
                source.spec,
                source.used,
                source.index,
                shrinking,
                context.now.time,
                context.overlay,
            )
        except GuardStop as stop:
            violations.append(Violation(stop.message, stop.code, hint="\n  ".join(stop.remarks)))
        except ScimsyncError as error:
            error.source = name
            raise
        else:
            report(name, "reading", ingested[name].records)
    return Reading(ingested, tuple(violations))
