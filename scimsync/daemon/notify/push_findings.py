"""Findings of pushes, errors, and looks at files.

Texts contain files, columns and numbers, but no personal data: keys and values of records are in
`personal` only. Errors of sources and targets may repeat what they have read, so most texts only
classify them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify import wording
from scimsync.daemon.notify.alerting import Finding
from scimsync.durations import format_duration
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
from scimsync.formatting import plural
from scimsync.model.links import LinkStatus
from scimsync.model.target_memory import TargetState
from scimsync.run import RunOutcome
from scimsync.state import link_store, overview, target_states
from scimsync.state.reconciliations import Reconciliation
from scimsync.state.store import Store
from scimsync.targets.quarantine import QUARANTINE_AFTER
from scimsync.transport.auth.expiry import expiry_warning

PUSH = "push"
"""The subject of errors of pushes."""

OF_PUSH = "sync.toml (in a push)"
"""The subject of configuration errors that only a push finds, such as a missing column or secret.
A push with the previous sync.toml does not resolve an alert about the file itself."""

FIRST = 5
"""How many failing users are named to receivers that ask for it."""

_STATUS = "For details: scimsync status"
_CHECK = "For details: scimsync check"
_STALE_TODO = "Check the export that writes its files."
_RENEW = "Create new credentials, and put them where auth in sync.toml refers to."
_GUARD_TODO = "To review the changes, and how to allow them: scimsync plan"


def findings_of_push(
    config: Config,
    names: Sequence[str],
    sources: Sequence[str],
    outcome: RunOutcome,
    store: Store,
    now: datetime,
    *,
    whole: bool = True,
    patient: bool = False,
) -> list[Finding]:
    """Return the findings of a completed push.

    They are about its targets (`names`) and the `sources` that it read. A push that is not `whole`
    covers some users only and finds nothing about guards. If the caller is `patient`, because it
    retries soon, a target is only reported once it is in quarantine. Raise StateError if the state
    cannot be read.
    """
    blocked = findings_of_blocked(outcome)
    found = {(finding.event, finding.subject) for finding in blocked}
    resolved = [Finding(Event.CONFIG, OF_PUSH), *(Finding(Event.SOURCE, name) for name in sources)]
    findings = [Finding(Event.ERROR, PUSH), *blocked]
    findings += [one for one in resolved if (one.event, one.subject) not in found]
    findings += _guard(names, outcome) if whole else []
    with store.read() as connection:
        for name in names:
            known = target_states.get_target(connection, name)
            findings += _target(config, known, patient=patient)
            findings.append(_access(connection, name))
            findings.append(_credentials(known, now.astimezone(config.schedule.zone).date()))
            if not known.failures:  # otherwise no request was judged
                findings.append(_failures(connection, config, name))
    return findings


def findings_of_blocked(outcome: RunOutcome) -> list[Finding]:
    """Return the findings about sources and secrets that kept targets from being pushed."""
    names: dict[int, list[str]] = {}
    errors: dict[int, ScimsyncError] = {}
    for name, target in outcome.targets.items():
        if target.error is not None and target.blocked:
            names.setdefault(id(target.error), []).append(name)
            errors[id(target.error)] = target.error
    findings: dict[tuple[Event, str], Finding] = {}
    for number, error in errors.items():
        if not isinstance(error, GuardStop):
            source = [] if error.source is None else [error.source]
            for one in findings_of_error(names[number], source, error, error.source):
                findings.setdefault((one.event, one.subject), one)
    return list(findings.values())


def findings_of_error(
    names: Sequence[str],
    sources: Sequence[str],
    error: Exception,
    source: str | None,
    *,
    subject: str = PUSH,
) -> list[Finding]:
    """Return the findings of a push of the targets `names` that ended with `error`.

    They are about `source`, or about all `sources` if it is None, or about `subject` if the error
    belongs to no source or target.
    """
    if isinstance(error, LeaseHeld | Interrupted):
        return []
    # an empty file stops a push before there is a run
    if isinstance(error, GuardStop):
        return [Finding(Event.GUARD, name, error.message, None, _GUARD_TODO) for name in names]
    if isinstance(error, SourceUnavailable | SourceFormatError):
        return _source(names, sources if source is None else [source], error)
    if isinstance(error, ConfigError):
        return [config_finding(error, OF_PUSH)]
    if isinstance(error, StateError):
        return [
            Finding(Event.ERROR, subject, "The state database is unavailable.", str(error), _STATUS)
        ]
    text = f"Unexpected error: {type(error).__name__}."
    # other errors may contain a secret
    personal = f"{text}\n{error}" if isinstance(error, ScimsyncError) else None
    return [Finding(Event.ERROR, subject, text, personal, "For details, see the log.")]


def config_finding(error: ConfigError, file: str = "sync.toml") -> Finding:
    """Return the finding that sync.toml, or a secret that it names, cannot be used."""
    return Finding(Event.CONFIG, file, error.brief, str(error), _CHECK)


def stale_findings(
    config: Config, changed_at: Mapping[str, datetime], now: datetime
) -> list[Finding]:
    """Return for each source whether its files have not changed for too long.

    `changed_at` is the time of the last change. Tables that are read may stay as they are.
    """
    limit, zone = config.notify.stale, config.schedule.zone
    findings = []
    for name, changed in changed_at.items():
        if name in config.table_values:
            continue
        text = None
        if limit is not None and now - changed > limit:
            last = wording.moment(changed, zone)
            text = f"Its files last changed {last}; [notify] stale allows {format_duration(limit)}."
        findings.append(Finding(Event.STALE, name, text, todo=_STALE_TODO))
    return findings


def drift_findings(done: Iterable[Reconciliation]) -> list[Finding]:
    """Return for each reconciled target whether there is drift.

    If not everything could be compared, the absence of findings proves nothing.
    """
    findings = []
    for one in done:
        if one.findings:
            what = plural(one.findings, "difference", "differences")
            text = f"{what} from what the target acknowledged.\nNothing was repaired."
            todo = (
                f"To see them: scimsync reconcile -t {one.target}. To repair them: scimsync"
                f" reconcile -t {one.target} --fix"
            )
            findings.append(Finding(Event.DRIFT, one.target, text, todo=todo))
        elif one.complete:
            findings.append(Finding(Event.DRIFT, one.target))
    return findings


def _guard(names: Sequence[str], outcome: RunOutcome) -> list[Finding]:
    findings: list[Finding] = []
    for name in names:
        own = [violation for violation in outcome.violations if name in violation.stops]
        if own:
            text = "\n".join(violation.nameless for violation in own)
            personal = "\n".join(map(str, own))
            findings.append(Finding(Event.GUARD, name, text, personal, _GUARD_TODO))
        # the guard has not seen the whole plan of a target that failed
        elif name in outcome.targets and outcome.targets[name].error is None:
            findings += [Finding(Event.GUARD, name)] if outcome.outcome != "interrupted" else []
    return findings


def _target(config: Config, known: TargetState, *, patient: bool) -> list[Finding]:
    """Return whether a target is available; nothing if it has just failed and is retried soon."""
    name = known.name
    if not known.failures:
        return [Finding(Event.TARGET, name)]
    until = known.quarantined_until
    if known.failures < QUARANTINE_AFTER or until is None:
        if patient:
            return []
        text = "No usable response in the last run.\nNo change is lost; the next run tries again."
        todo = "To see why: scimsync status"
    else:
        when = wording.moment(until, config.schedule.zone)
        text = (
            f"No usable response in {known.failures} consecutive runs.\nIt is in quarantine until"
            f" {when}; no change is lost."
        )
        todo = f"To see why: scimsync status. To retry now: scimsync push -t {name}"
    personal = f"{text}\n{known.last_error}" if known.last_error else None
    return [Finding(Event.TARGET, name, text, personal, todo)]


def _access(connection: Connection, name: str) -> Finding:
    leavers = overview.access_to_remove(connection, name, FIRST)
    if not leavers.count:
        return Finding(Event.ACCESS, name)
    text = f"{plural(leavers.count, 'leaver')} may still have access."
    personal = f"{text}\n{leavers.named}"
    todo = "To see which users: scimsync status. To retry now: scimsync retry"
    return Finding(Event.ACCESS, name, text, personal, todo)


def _credentials(known: TargetState, today: date) -> Finding:
    warning = expiry_warning(known.credentials_expire, today)
    text = None if warning is None else f"T{warning[1:]}.\nFrom then on, no change is made there."
    return Finding(Event.CREDENTIALS, known.name, text, todo=_RENEW)


def _failures(connection: Connection, config: Config, name: str) -> Finding:
    failing = overview.failing_links(connection, name, FIRST)
    count = overview.count_failed(connection, name)
    limit = config.notify.failures
    most = limit.of(link_store.count_with_status(connection, name, LinkStatus.ACTIVE))
    if count <= most:
        return Finding(Event.FAILURES, name)
    allowed = f"{limit}, here {most}" if limit.is_share else str(most)
    counted = plural(count, "user or group is failing", "users or groups are failing")
    text = f"{counted}; [notify] failures allows {allowed}."
    first = [f"{one.key}: {one.last_error}" for one in failing.first if one.failures]
    more = [f"and {count - len(first):,} more"] if count > len(first) else []
    todo = "To see why: scimsync journal --failed"
    return Finding(Event.FAILURES, name, text, "\n".join([text, *first, *more]), todo)


def _source(
    names: Sequence[str], about: Sequence[str], error: SourceUnavailable | SourceFormatError
) -> list[Finding]:
    effect = f"Nothing is sent to {wording.names(names)} until it can be read." if names else ""
    text, personal = f"{_source_problem(error)}\n{effect}", f"{error}\n{effect}"
    return [Finding(Event.SOURCE, name, text, personal, _CHECK) for name in about]


def _source_problem(error: SourceUnavailable | SourceFormatError) -> str:
    """Describe the error without personal data: the text of SourceFormatError may repeat cells."""
    if isinstance(error, SourceUnavailable):
        return error.message
    return "It does not match sync.toml: a column, the encoding, or the format differs."
