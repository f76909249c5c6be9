"""A status as text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from scimsync.cli.commands.runs import run_row
from scimsync.cli.commands.status.status_report import HELD_SHOWN, Status, TargetStatus
from scimsync.cli.ui.exposed_files import exposure_hint, exposure_text
from scimsync.cli.ui.output import Output, Part
from scimsync.cli.ui.problems import problem_line
from scimsync.durations import format_local, format_relative
from scimsync.errors import coded
from scimsync.formatting import plural, printable
from scimsync.model.ids import Key, Kind
from scimsync.model.links import AccessToRemove, LinkStatus
from scimsync.plan.document_diff import protected_accounts
from scimsync.plan.render.words import named
from scimsync.plan.shown_plan import Names
from scimsync.run.dropped_targets import HINT
from scimsync.state.alerts import FiringAlert
from scimsync.state.pending_events import WaitingEvents
from scimsync.state.pin_store import PinSummary
from scimsync.state.reconciliations import Reconciliation
from scimsync.state.record_rows import SourceState
from scimsync.targets.lessons import lessons

_PROBLEMS_SHOWN = 3
_STYLES = {LinkStatus.ACTIVE: "green", LinkStatus.PENDING: "yellow"}


def print_status(output: Output, status: Status, targets: Collection[str]) -> None:
    """Print what is wrong, then sources, targets, alerts, active runs, and recent runs."""
    if status.error is not None:
        output.line((printable(coded(status.error.message, status.error.code)), "red"))
        for line in status.error.remarks:
            output.line(printable(line), indent=2)
        output.blank()
    if status.exposed:
        output.line((printable(coded(exposure_text(status.exposed), "SYNC-0615")), "yellow"))
        output.line(printable(exposure_hint(status.exposed)), indent=2)
        output.blank()
    for dropped in status.dropped:
        text = f"target {dropped.name}: {dropped.text}"
        output.line((printable(coded(text, "SYNC-0433")), "yellow"))
        output.line(HINT, indent=2)
        output.blank()
    for source in status.sources:
        _print_source(output, source, status.now)
    for target in status.targets:
        output.blank()
        _print_target(output, target, status.now)
    if status.alerts:
        _print_alerts(output, status.alerts)
    if status.events:
        _print_events(output, status.events, status.now)
    if status.holds:
        _print_holds(output, status.holds, status.held_names)
    if status.leases:
        output.blank()
        output.line(("Active runs", "bold"))
        output.rows(
            [
                [
                    lease.name,
                    f"{printable(lease.holder)}, lease until {format_local(lease.expires_at)}",
                ]
                for lease in status.leases
            ]
        )
    output.blank()
    output.line(("Recent runs", "bold"))
    if not status.runs:
        output.line("none yet: scimsync push starts the first", indent=2)
    at_work = bool(status.leases)
    output.rows([run_row(run, targets, status.now, at_work=at_work) for run in status.runs])


def _print_source(output: Output, source: SourceState, now: datetime) -> None:
    output.line("source ", (source.name, "bold"))
    if source.ingested_at is None:
        output.line("not read yet", indent=2)
        return
    when = f"{format_local(source.ingested_at)} ({format_relative(source.ingested_at, now)})"
    output.line(f"{plural(source.records, 'record')}, read {when}", indent=2)
    for problem in source.problems[:_PROBLEMS_SHOWN]:
        output.line((problem_line(problem), "yellow"), indent=2)
    if len(source.problems) > _PROBLEMS_SHOWN:
        more = len(source.problems) - _PROBLEMS_SHOWN
        output.line((f"and {more:,} more problems: scimsync check", "yellow"), indent=2)


def _print_target(output: Output, target: TargetStatus, now: datetime) -> None:
    output.line("target ", (target.name, "bold"), "  ", (printable(target.url), "dim"))
    for kind, word in ((Kind.USER, "accounts"), (Kind.GROUP, "groups")):
        counts: list[Part] = []
        for status in LinkStatus:
            if (kind, status) in target.links:
                part = (f"{target.links[kind, status]:,} {status}", _STYLES.get(status, ""))
                counts += [", ", part] if counts else [part]
        if counts:
            output.line(f"{word}: ", *counts, indent=2)
    _print_progress(output, target)
    _print_health(output, target, now)
    for why in protected_accounts(target.protected):
        output.line(printable(why), indent=2)
    for lesson in lessons(target.known.shapes):
        output.line(printable(str(lesson)), indent=2)
    if target.reconciled is not None:
        _print_reconciled(output, target.reconciled, now)
    if target.access_to_remove.count:
        _print_access_to_remove(output, target.access_to_remove, target.names)
    if target.failing.count:
        _print_failing(output, target, now)
    if target.pinned.count:
        _print_pinned(output, target.pinned, target.names)


def _print_progress(output: Output, target: TargetStatus) -> None:
    """Print how far the target is behind its sources."""
    if not target.pushed:
        output.line("never pushed", indent=2)
    elif target.reconfigured:
        text = (
            "sync.toml or the date has changed since the last push: the next push compares all"
            " records"
        )
        output.line((text, "yellow"), indent=2)
    elif target.behind:
        changed = plural(target.behind, "changed record")
        output.line((f"{changed} not pushed yet", "yellow"), indent=2)
    elif not (target.failing.count or target.access_to_remove.count):
        output.line("up to date with the last snapshot", indent=2)


def _print_health(output: Output, target: TargetStatus, now: datetime) -> None:
    """Print whether the target as a whole fails, and whether its rate is lowered."""
    known = target.known
    if known.failures:
        runs = plural(known.failures, "run")
        output.line(
            (f"failed in {runs} in a row: {printable(known.last_error or '')}", "red"), indent=2
        )
    until = known.quarantined_until
    if until is not None and until > now:
        when = format_local(until)
        output.line(
            (f"in quarantine until {when}; to try now: scimsync push -t {target.name}", "red"),
            indent=2,
        )
    elif until is not None:
        output.line("quarantine expired: the next push begins with one request", indent=2)
    if known.lowered_rate is not None and known.lowered_at is not None:
        when = format_relative(known.lowered_at, now)
        output.line(
            f"rate lowered to {known.lowered_rate:.3g} requests/s by a 429 response {when}",
            indent=2,
        )


def _print_reconciled(output: Output, last: Reconciliation, now: datetime) -> None:
    """Print when the target was last read back, and how many differences there were."""
    when = f"last reconciled {format_local(last.at)} ({format_relative(last.at, now)})"
    found = plural(last.findings, "finding") if last.findings else "no drift"
    rest = "" if last.complete else "; not everything could be compared"
    todo = f"; to see them: scimsync reconcile -t {last.target}" if last.findings else ""
    style = "yellow" if last.findings or rest else ""
    output.line((f"{when}: {found}{rest}{todo}", style), indent=2)


def _print_access_to_remove(output: Output, leavers: AccessToRemove, names: Names) -> None:
    who = plural(leavers.count, "leaver")
    output.line((coded(f"{who} may still have access", "SYNC-0372"), "red"), indent=2)
    rows: list[list[Part]] = [
        [(named(key, names.get(key)), "bold"), f"since {format_local(since)}"]
        for key, since in leavers.first
    ]
    output.rows(rows, indent=4)
    if leavers.count > len(leavers.first):
        output.line(f"and {leavers.count - len(leavers.first):,} more", indent=4)


def _print_failing(output: Output, target: TargetStatus, now: datetime) -> None:
    failing = target.failing
    due = ""
    if failing.next_try_at is not None:
        when = "now" if failing.next_try_at <= now else format_relative(failing.next_try_at, now)
        due = f" (first attempt {when})"
    output.line(
        (f"{failing.count:,} failing or waiting{due}; to retry now: scimsync retry", "red"),
        indent=2,
    )
    rows: list[list[Part]] = []
    for one in failing.first:
        is_user = one.kind is Kind.USER
        subject = named(one.key, target.names.get(one.key)) if is_user else f"{one.kind} {one.key}"
        times = f"failed {plural(one.failures, 'time')}" if one.failures else "interrupted"
        rows.append([(printable(subject), "bold"), times, printable(one.last_error or "")])
    output.rows(rows, indent=4)
    if failing.count > len(failing.first):
        more = failing.count - len(failing.first)
        output.line(
            f"and {more:,} more: scimsync journal -t {target.name} --failed",
            indent=4,
        )


def _print_pinned(output: Output, pinned: PinSummary, names: Names) -> None:
    what = plural(pinned.count, "user or group is", "users and groups are")
    output.line(
        (f"{what} pinned by a revert; to end it: scimsync revert RUN --lift", "yellow"),
        indent=2,
    )
    rows: list[list[Part]] = []
    for pin in pinned.first:
        is_user = pin.kind is Kind.USER
        subject = named(pin.key, names.get(pin.key)) if is_user else f"{pin.kind} {pin.key}"
        since = "" if pin.since is None else f" {format_local(pin.since)}"
        rows.append([(printable(subject), "bold"), f"run {pin.undone} reverted{since}"])
    output.rows(rows, indent=4)
    if pinned.count > len(pinned.first):
        output.line(f"and {pinned.count - len(pinned.first):,} more", indent=4)


def _print_alerts(output: Output, alerts: Sequence[FiringAlert]) -> None:
    output.blank()
    output.line(("Alerts", "bold"))
    rows: list[list[Part]] = []
    for one in alerts:
        first = printable(one.text.partition("\n")[0])
        rows.append(
            [(f"{one.event} {one.subject}", "red"), f"since {format_local(one.since)}", first]
        )
    output.rows(rows)


def _print_events(output: Output, events: Sequence[WaitingEvents], now: datetime) -> None:
    output.blank()
    output.line(("Events to export", "bold"))
    rows: list[list[Part]] = []
    for one in events:
        why = ""
        if one.last_error is not None and one.next_try_at is not None:
            when = "due" if one.next_try_at <= now else format_relative(one.next_try_at, now)
            failed = plural(one.failures, "failure")
            why = f"{failed}, next attempt {when}: {printable(one.last_error)}"
        waiting = f"{plural(one.number, 'event')} waiting since {format_local(one.since)}"
        rows.append([(one.destination, "yellow"), waiting, why])
    output.rows(rows)


def _print_holds(output: Output, holds: Mapping[Key, datetime], names: Names) -> None:
    output.blank()
    output.line(("Deprovisioned by hand", "bold"), "; to end it: scimsync deprovision KEY --lift")
    held = list(holds.items())
    output.rows(
        [
            [named(key, names.get(key)), f"since {format_local(since)}"]
            for key, since in held[:HELD_SHOWN]
        ]
    )
    if len(held) > HELD_SHOWN:
        output.line(f"and {len(held) - HELD_SHOWN:,} more: --json lists all", indent=2)
