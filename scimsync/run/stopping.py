"""Decide which targets a guard, or a source that cannot be used, stops: those that share a source.

The other targets continue. Changes read from a source are undone if all of its targets are stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from scimsync.errors import GuardStop, ScimsyncError
from scimsync.plan import Violation

Sources = Mapping[str, Sequence[str]]
"""Target -> the sources of its users and groups."""


def violation_of(stop: GuardStop) -> Violation:
    """Return the violation of a source that a guard has stopped."""
    names = "\n  ".join(stop.details)
    return Violation(stop.message, stop.code, names, stop.hint or "", source=stop.source)


def stopped_by_sources(
    sources: Sources, refused: Mapping[str, ScimsyncError]
) -> dict[str, ScimsyncError]:
    """Return the targets with one of the sources in `refused`, and why it is refused."""
    return {
        name: refused[first]
        for name, used in sources.items()
        if (first := next((source for source in used if source in refused), None)) is not None
    }


def with_stops(violations: Iterable[Violation], sources: Sources) -> list[Violation]:
    """Return the violations with the targets that each of them stops.

    These are all targets that share a source with the target concerned, or all targets if the
    violation is about the whole run.
    """
    return [replace(one, stops=tuple(_stopped(one, sources))) for one in violations]


def _stopped(violation: Violation, sources: Sources) -> Iterable[str]:
    if violation.target is not None:
        concerned = {*sources[violation.target]}
    elif violation.source is not None:
        concerned = {violation.source}
    else:
        return sources
    return [name for name, used in sources.items() if concerned & {*used}]


def stop_of(violation: Violation, name: str, sources: Sources) -> GuardStop:
    """Return why a violation stops the target called `name`."""
    if violation.target in (None, name):
        cause = " by" if violation.brief.startswith("guard.") else ":"
        message = f"{name}: aborted{cause} {violation.brief}; nothing was sent"
    else:
        own = sources[name]
        shared = next(one for one in sources[violation.target or ""] if one in own)
        message = (
            f'{name}: not pushed: it shares source "{shared}" with "{violation.target}", which a'
            " guard stopped"
        )
    return GuardStop(message, code=violation.code)


def undone_sources(sources: Sources, stopped: Iterable[str]) -> list[str]:
    """Return the sources all of whose targets are among the `stopped`."""
    used = {source for some in sources.values() for source in some}
    going = sources.keys() - {*stopped}
    return sorted(used - {source for name in going for source in sources[name]})
