"""`scimsync status`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from scimsync.builtin import load
from scimsync.cli.commands.runs import run_document, run_row
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.exposed_files import exposed_files, exposure_hint, exposure_text
from scimsync.cli.ui.output import Output, Part, write_json
from scimsync.cli.ui.problems import problem_document, problem_line
from scimsync.cli.ui.session import chosen_targets, opened_state, sources_of, this_moment
from scimsync.config.models import Config
from scimsync.durations import format_local, format_relative
from scimsync.errors import ScimsyncError, coded
from scimsync.formatting import plural, printable
from scimsync.model.echoes import EchoCount
from scimsync.model.ids import Key, Kind
from scimsync.model.links import AccessToRemove, LinkStatus
from scimsync.model.operations import Run
from scimsync.model.targets import TargetState
from scimsync.plan import Now
from scimsync.plan.diff import protected_accounts
from scimsync.plan.render.words import named
from scimsync.plan.shown_plan import NameReader, Names
from scimsync.run.compile import CompiledTarget, compile_config
from scimsync.run.display_names import display_names
from scimsync.run.reading import fill_tables
from scimsync.snapshot.view import SnapshotView
from scimsync.state import (
    absent_users,
    alerts,
    holds,
    leases,
    overview,
    pins,
    record_rows,
    run_rows,
    target_states,
)
from scimsync.state.alerts import FiringAlert
from scimsync.state.leases import Lease
from scimsync.state.overview import FailingLinks
from scimsync.state.pins import Pinned
from scimsync.state.record_rows import SourceState
from scimsync.state.store import Store
from scimsync.targets.lessons import lessons

_RUNS_SHOWN = 5
_FAILING_SHOWN = 3
_PROBLEMS_SHOWN = 3
_HELD_SHOWN = 10
_PINNED_SHOWN = 10
_LEAVERS_SHOWN = 100
_STYLES = {LinkStatus.ACTIVE: "green", LinkStatus.PENDING: "yellow"}


@click.command()
@common_options_without("keys")
def command(options: CommonOptions) -> None:
    """Show sources, targets, accounts, failures, alerts, active runs and recent runs.

    Only the state is read; targets are not contacted. Exit code 0, whatever it shows.
    """
    config = load(options.config)
    names = chosen_targets(config, options.targets)
    with opened_state(config, create=False) as store:
        status = _read_status(config, names, store, this_moment(options))
    if options.as_json:
        write_json(_document(status))
    else:
        _print_status(Output(), status, options.targets)


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """What the state knows of a target.

    `behind` are the records that changed since the last push planned it. `reconfigured` is whether
    its part of sync.toml has changed since then, so that all records are compared again; None where
    that is not known. `names` are those of users who fail or may still have access.
    """

    name: str
    url: str
    pushed: bool
    behind: int
    reconfigured: bool | None
    links: Mapping[tuple[Kind, LinkStatus], int]
    failing: FailingLinks
    access_to_remove: AccessToRemove
    echoes: Sequence[EchoCount]
    protected: Mapping[Key, str]
    pinned: Pinned
    known: TargetState
    names: Names


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` shows.

    `state_label` is None before the first push. `error` is why sources or mappings cannot be used
    now. `holds` are the keys that are deprovisioned by hand, and since when; `held_names` are
    the names of the first. `alerts` are those that the receivers of `[notify]` got and that are not
    resolved. `exposed` are the files of the state that other users may read.
    """

    now: datetime
    state_label: str | None
    sources: Sequence[SourceState]
    targets: Sequence[TargetStatus]
    leases: Sequence[Lease]
    runs: Sequence[Run]
    error: ScimsyncError | None
    holds: Mapping[Key, datetime]
    held_names: Names
    alerts: Sequence[FiringAlert]
    exposed: Sequence[Path]


def _read_status(config: Config, names: Sequence[str], store: Store, now: Now) -> Status:
    """Read the state of the targets called `names` and of their sources."""
    failure: ScimsyncError | None = None
    compiled: Mapping[str, CompiledTarget] = {}
    try:
        setup = compile_config(config, names, secrets=False)
        compiled = setup.targets
        failure = next((one.error for one in setup.unusable.values()), None)
    except ScimsyncError as error:
        failure = error
    fill_tables(config, SnapshotView(store), config.table_values)
    reader = None
    try:
        reader = display_names(config, store)
    except ScimsyncError as error:
        failure = error
    with store.read() as connection:
        held = holds.all_holds(connection)
        return Status(
            now=now.time,
            state_label=None if store.is_scratch else store.label,
            sources=[
                record_rows.get_source(connection, name) for name in sources_of(config, names)
            ],
            targets=[
                _read_target(connection, config, name, compiled.get(name), reader, now)
                for name in names
            ],
            leases=leases.held(connection, now.time),
            runs=run_rows.last(connection, _RUNS_SHOWN),
            error=failure,
            holds=held,
            held_names={}
            if reader is None
            else reader.names_anywhere(config.targets, [*held][:_HELD_SHOWN]),
            alerts=alerts.firing_alerts(connection),
            exposed=exposed_files(config),
        )


def _read_target(
    connection: Connection,
    config: Config,
    name: str,
    compiled: CompiledTarget | None,
    reader: NameReader | None,
    now: Now,
) -> TargetStatus:
    known = target_states.get_target(connection, name)
    pushed = known.digest is not None
    reconfigured = None
    if compiled is not None and pushed:
        reconfigured = known.digest != compiled.digest(now.today)
    failing = overview.failing_links(connection, name, _FAILING_SHOWN)
    leavers = overview.access_to_remove(connection, name, _LEAVERS_SHOWN)
    listed = [
        *(one.key for one in failing.first if one.kind is Kind.USER),
        *(key for key, _ in leavers.first),
    ]
    return TargetStatus(
        name=name,
        url=config.targets[name].url,
        pushed=pushed,
        behind=record_rows.count_changed(connection, sources_of(config, [name]), known.cursor),
        reconfigured=reconfigured,
        links=overview.count_by_status(connection, name),
        failing=failing,
        access_to_remove=leavers,
        echoes=overview.echo_counts(connection, name),
        protected=absent_users.protected(connection, name, config.targets[name].source),
        pinned=pins.pinned(connection, name, _PINNED_SHOWN),
        known=known,
        names={} if reader is None else reader.names(name, listed),
    )


# As JSON; times are UTC


def _document(status: Status) -> dict[str, Any]:
    return {
        "state": status.state_label,
        "sources": {
            source.name: {
                "ingested_at": source.ingested_at,
                "records": source.records,
                "problems": [problem_document(problem) for problem in source.problems],
            }
            for source in status.sources
        },
        "targets": {target.name: _target_document(target) for target in status.targets},
        "held": dict(status.holds),
        "troubles": [
            {"event": one.event, "subject": one.subject, "since": one.since, "text": one.text}
            for one in status.alerts
        ],
        "leases": [
            {"name": lease.name, "holder": lease.holder, "expires_at": lease.expires_at}
            for lease in status.leases
        ],
        "runs": [run_document(run, (), at_work=bool(status.leases)) for run in status.runs],
        "error": None if status.error is None else status.error.message,
        "readable_by_others": [str(path) for path in status.exposed],
    }


def _target_document(target: TargetStatus) -> dict[str, Any]:
    return {
        "url": target.url,
        "pushed": target.pushed,
        "behind": target.behind,
        "reconfigured": target.reconfigured,
        "failures": target.known.failures,
        "quarantined_until": target.known.quarantined_until,
        "last_error": target.known.last_error,
        "shapes": {
            name: {"choice": one.choice, "why": one.why, "since": one.learned_on}
            for name, one in sorted(target.known.shapes.items())
        },
        "rate": {"lowered_to": target.known.lowered_rate, "at": target.known.lowered_at},
        "links": {
            kind.value: {status.value: target.links.get((kind, status), 0) for status in LinkStatus}
            for kind in Kind
        },
        "failing": {
            "count": target.failing.count,
            "next_try_at": target.failing.next_try_at,
            "first": [
                {
                    "kind": one.kind,
                    "key": one.key,
                    **(_name(target, one.key) if one.kind is Kind.USER else {}),
                    "failures": one.failures,
                    "last_error": one.last_error,
                    "next_try_at": one.next_try_at,
                }
                for one in target.failing.first
            ],
        },
        "may_have_access": {
            "count": target.access_to_remove.count,
            "first": [
                {"key": key, **_name(target, key), "since": since}
                for key, since in target.access_to_remove.first
            ],
        },
        "shown_otherwise": [
            {"kind": one.kind, "path": one.echo.path, "count": one.count, "key": one.key}
            for one in target.echoes
        ],
        "protected": [{"key": key, "why": why} for key, why in target.protected.items()],
        "pinned": {
            "count": target.pinned.count,
            "first": [
                {"kind": pin.kind, "key": pin.key, "reverted": pin.undone, "since": pin.since}
                for pin in target.pinned.first
            ],
        },
    }


def _name(target: TargetStatus, key: Key) -> dict[str, str]:
    return {"name": target.names[key]} if key in target.names else {}


# As text


def _print_status(output: Output, status: Status, targets: Collection[str]) -> None:
    if status.error is not None:
        output.line((printable(coded(status.error.message, status.error.code)), "red"))
        for line in status.error.remarks:
            output.line(printable(line), indent=2)
        output.blank()
    if status.exposed:
        output.line((printable(coded(exposure_text(status.exposed), "SYNC-0615")), "yellow"))
        output.line(printable(exposure_hint(status.exposed)), indent=2)
        output.blank()
    for source in status.sources:
        _print_source(output, source, status.now)
    for target in status.targets:
        output.blank()
        _print_target(output, target, status.now)
    if status.alerts:
        _print_alerts(output, status.alerts)
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
    if target.access_to_remove.count:
        _print_access_to_remove(output, target.access_to_remove, target.names)
    if target.failing.count:
        _print_failing(output, target, now)
    if target.pinned.count:
        _print_pinned(output, target.pinned)


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


def _print_pinned(output: Output, pinned: Pinned) -> None:
    what = plural(pinned.count, "user or group stays", "users and groups stay")
    output.line(
        (f"{what} as a revert left them; to end it: scimsync revert RUN --lift", "yellow"),
        indent=2,
    )
    rows: list[list[Part]] = []
    for pin in pinned.first:
        subject = pin.key if pin.kind is Kind.USER else f"{pin.kind} {pin.key}"
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


def _print_holds(output: Output, holds: Mapping[Key, datetime], names: Names) -> None:
    output.blank()
    output.line(("Deprovisioned by hand", "bold"), "; to end it: scimsync deprovision KEY --lift")
    held = list(holds.items())
    output.rows(
        [
            [named(key, names.get(key)), f"since {format_local(since)}"]
            for key, since in held[:_HELD_SHOWN]
        ]
    )
    if len(held) > _HELD_SHOWN:
        output.line(f"and {len(held) - _HELD_SHOWN:,} more: --json lists all", indent=2)
