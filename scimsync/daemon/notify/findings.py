"""What a push, an error, or a look at files says about targets and sources, as findings.

Texts name files, columns and numbers, never people: a key or a value of a record stands in
`personal` only. Errors of sources and targets may repeat what they have read, so of most of them
the text says in words of its own what sort it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify import words
from scimsync.daemon.notify.model import Finding
from scimsync.errors import (
    ConfigError,
    GuardStop,
    Interrupted,
    LeaseHeld,
    ScimsyncError,
    SourceFormatError,
    SourceUnavailable,
    StateError,
)
from scimsync.model.links import LinkStatus
from scimsync.model.targets import TargetState
from scimsync.run import RunOutcome
from scimsync.state import links, overview, targets
from scimsync.state.store import Store
from scimsync.targets.quarantine import QUARANTINE_AFTER

PUSH = "push"
"""What errors of pushes are about."""

OF_PUSH = "sync.toml (in a push)"
"""What faults are about that only a push finds: a column that a source lacks, a secret. What is
found when sync.toml is read is about the file itself, and a push with the one of before does not
end it."""

FIRST = 5
"""So many of those who fail are named to receivers that ask for it."""

_STATUS = "scimsync status says more."
_GUARD_TODO = "scimsync plan shows what would be done, and how to allow it."


def findings_of_push(
    config: Config,
    names: Sequence[str],
    sources: Sequence[str],
    outcome: RunOutcome,
    store: Store,
    *,
    whole: bool = True,
    patient: bool = False,
) -> list[Finding]:
    """What a push that came to its end says about its targets (`names`) and the `sources` that it
    read.

    A push that is not `whole`, but of some people only, says nothing about guards. Who is
    `patient`, because it soon tries again by itself, waits for the quarantine of a target before it
    says so. Raises StateError.
    """
    findings = [Finding(Event.ERROR, PUSH), Finding(Event.CONFIG, OF_PUSH)]
    findings += [Finding(Event.SOURCE, name) for name in sources]
    findings += _guard(names, outcome) if whole else []
    with store.read() as connection:
        for name in names:
            known = targets.get_target(connection, name)
            findings += _target(config, known, patient=patient)
            if not known.failures:  # else nobody's request was judged
                findings.append(_failures(connection, config, name))
    return findings


def findings_of_error(
    names: Sequence[str],
    sources: Sequence[str],
    error: Exception,
    source: str | None,
    *,
    subject: str = PUSH,
) -> list[Finding]:
    """What a push of the targets `names` that ended by `error` says: about `source`, or without one
    about all `sources`. What is nobody's else is the trouble of `subject`."""
    if isinstance(error, LeaseHeld | Interrupted):
        return []
    # a file of zero bytes, before there is a run that could be stopped
    if isinstance(error, GuardStop):
        return [Finding(Event.GUARD, name, error.message, None, _GUARD_TODO) for name in names]
    if isinstance(error, SourceUnavailable | SourceFormatError):
        return _source(names, sources if source is None else [source], error)
    if isinstance(error, ConfigError):
        return [config_finding(error, OF_PUSH)]
    if isinstance(error, StateError):
        return [
            Finding(Event.ERROR, subject, "The state database cannot be used.", str(error), _STATUS)
        ]
    text = f"It ended by an error that nobody foresaw: {type(error).__name__}."
    # of errors that are not scimsync's nobody knows whether they hold a secret
    personal = f"{text}\n{error}" if isinstance(error, ScimsyncError) else None
    return [Finding(Event.ERROR, subject, text, personal, "The log says more.")]


def config_finding(error: ConfigError, file: str = "sync.toml") -> Finding:
    """That sync.toml, or a secret that it names, cannot be used. Its own words name nobody."""
    return Finding(Event.CONFIG, file, error.brief, str(error), "scimsync check says more.")


def stale_findings(
    config: Config, changed_at: Mapping[str, datetime], now: datetime
) -> list[Finding]:
    """Whether sources, of whose files the newest changed at that time, have brought nothing for too
    long."""
    limit, zone = config.notify.stale, config.schedule.zone
    findings = []
    for name, changed in changed_at.items():
        text = None
        if limit is not None and now - changed > limit:
            last = words.moment(changed, zone)
            text = f"Its files last changed {last}; [notify] stale allows {words.span(limit)}."
        findings.append(Finding(Event.STALE, name, text, todo="Look at what writes its files."))
    return findings


def _guard(names: Sequence[str], outcome: RunOutcome) -> list[Finding]:
    if outcome.guard is not None:
        text = outcome.guard_brief or "A limit of [guard] says no."
        return [Finding(Event.GUARD, name, text, outcome.guard, _GUARD_TODO) for name in names]
    if outcome.outcome == "interrupted":
        return []
    # a target that could not be planned to its end has shown its guard less than all
    planned = [
        name for name in names if name in outcome.targets and outcome.targets[name].error is None
    ]
    return [Finding(Event.GUARD, name) for name in planned]


def _target(config: Config, known: TargetState, *, patient: bool) -> list[Finding]:
    """Whether a target can be used. One that failed just now may be back when it is tried again
    soon: nothing is said of it."""
    name = known.name
    if not known.failures:
        return [Finding(Event.TARGET, name)]
    until = known.quarantined_until
    if known.failures < QUARANTINE_AFTER or until is None:
        if patient:
            return []
        text = "No usable answer in the last run.\nNothing is forgotten; the next run tries again."
        todo = "scimsync status says why."
    else:
        when = words.moment(until, config.schedule.zone)
        text = (
            f"No usable answer in {known.failures} runs in a row.\nIt is left alone until {when};"
            " nothing is forgotten."
        )
        todo = f"scimsync status says why; scimsync push -t {name} tries at once."
    personal = f"{text}\n{known.last_error}" if known.last_error else None
    return [Finding(Event.TARGET, name, text, personal, todo)]


def _failures(connection: Connection, config: Config, name: str) -> Finding:
    failing = overview.troubles(connection, name, FIRST)
    count = overview.count_failed(connection, name)
    limit = config.notify.failures
    most = limit.of(links.count_with_status(connection, name, LinkStatus.ACTIVE))
    if count <= most:
        return Finding(Event.FAILURES, name)
    allowed = f"{limit}, here {most}" if limit.is_share else str(most)
    counted = words.counted(count, "person or group fails", "people or groups fail")
    text = f"{counted}; [notify] failures allows {allowed}."
    first = [f"{one.key}: {one.last_error}" for one in failing.first if one.failures]
    more = [f"and {count - len(first):,} more"] if count > len(first) else []
    todo = "scimsync status and scimsync journal --failed say why."
    return Finding(Event.FAILURES, name, text, "\n".join([text, *first, *more]), todo)


def _source(
    names: Sequence[str], about: Sequence[str], error: SourceUnavailable | SourceFormatError
) -> list[Finding]:
    meanwhile = f"Nothing is sent to {words.names(names)} meanwhile." if names else ""
    text, personal = f"{_source_words(error)}\n{meanwhile}", f"{error}\n{meanwhile}"
    return [
        Finding(Event.SOURCE, name, text, personal, "scimsync check says more.") for name in about
    ]


def _source_words(error: SourceUnavailable | SourceFormatError) -> str:
    """The words of the first name a file and a line at most; those of the second may repeat what
    was read."""
    if isinstance(error, SourceUnavailable):
        return error.message
    return "It is not what sync.toml says: a column, the encoding or the format is another."
