"""`status` for people."""

from __future__ import annotations

from collections.abc import Collection

from scimsync.cli.moments import distance, local
from scimsync.cli.output import printable
from scimsync.cli.plans import problem_line
from scimsync.cli.runs import run_row
from scimsync.cli.screen import Part, Screen
from scimsync.cli.standing import Standing, TargetStanding
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus

_PROBLEMS = 3
_HELD = 10
_STYLES = {LinkStatus.ACTIVE: "green", LinkStatus.PENDING: "yellow"}


def print_standing(standing: Standing, targets: Collection[str]) -> None:
    """Prints how things stand: sources, targets, who is at work, the last runs."""
    screen = Screen()
    if standing.trouble is not None:
        screen.line((printable(standing.trouble.message), "red"))
        for line in (
            *standing.trouble.details,
            *([standing.trouble.hint] if standing.trouble.hint else []),
        ):
            screen.line(printable(line), indent=2)
        screen.blank()
    _print_sources(screen, standing)
    for target in standing.targets:
        screen.blank()
        _print_target(screen, target, standing)
    if standing.told:
        screen.blank()
        screen.line(("Troubles", "bold"))
        rows: list[list[Part]] = []
        for one in standing.told:
            first = one.text.partition("\n")[0]
            rows.append(
                [
                    (f"{one.event} {one.subject}", "red"),
                    f"since {local(one.since)}",
                    printable(first),
                ]
            )
        screen.rows(rows)
    if standing.holds:
        screen.blank()
        screen.line(
            ("Deprovisioned", "bold"),
            ", whatever the source says; scimsync deprovision KEY --lift ends it",
        )
        held = list(standing.holds.items())
        screen.rows([[printable(key), f"since {local(since)}"] for key, since in held[:_HELD]])
        if len(held) > _HELD:
            screen.line(f"and {len(held) - _HELD:,} more; --json lists all", indent=2)
    if standing.leases:
        screen.blank()
        screen.line(("At work now", "bold"))
        screen.rows(
            [
                [lease.name, f"{printable(lease.holder)}, until {local(lease.expires_at)}"]
                for lease in standing.leases
            ]
        )
    screen.blank()
    screen.line(("Last runs", "bold"))
    if not standing.runs:
        screen.line("none yet; scimsync push is the first", indent=2)
    screen.rows(
        [
            run_row(run, targets, standing.now, at_work=bool(standing.leases))
            for run in standing.runs
        ]
    )


def _print_sources(screen: Screen, standing: Standing) -> None:
    for source in standing.sources:
        screen.line(("source ", ""), (source.name, "bold"))
        if source.ingested_at is None:
            screen.line("never read by a push", indent=2)
            continue
        when = f"{local(source.ingested_at)} ({distance(source.ingested_at, standing.now)})"
        screen.line(f"{_number(source.records, 'record')}, read {when}", indent=2)
        for problem in source.problems[:_PROBLEMS]:
            screen.line((problem_line(problem), "yellow"), indent=2)
        if len(source.problems) > _PROBLEMS:
            screen.line(
                (
                    (
                        f"and {len(source.problems) - _PROBLEMS:,} more problems; scimsync check"
                        " shows more"
                    ),
                    "yellow",
                ),
                indent=2,
            )


def _print_target(screen: Screen, target: TargetStanding, standing: Standing) -> None:
    screen.line("target ", (target.name, "bold"), "  ", (printable(target.url), "dim"))
    if not target.pushed:
        screen.line("never pushed to", indent=2)
    for kind, word in ((Kind.USER, "accounts"), (Kind.GROUP, "groups")):
        counts: list[Part] = [
            (f"{target.links[kind, status]:,} {status}", _STYLES.get(status, ""))
            for status in LinkStatus
            if (kind, status) in target.links
        ]
        if counts:
            parts: list[Part] = [
                ", " if at % 2 else counts[at // 2] for at in range(2 * len(counts) - 1)
            ]
            screen.line(f"{word}: ", *parts, indent=2)
    if target.pushed and target.reconfigured:
        screen.line(
            (
                (
                    "sync.toml changed (or a new day counts) since the last push: the next looks at"
                    " everybody"
                ),
                "yellow",
            ),
            indent=2,
        )
    elif target.pushed and target.behind:
        screen.line(
            (
                f"{_number(target.behind, 'changed record')} not looked at yet; the next push does",
                "yellow",
            ),
            indent=2,
        )
    elif target.pushed and not target.troubles.count:
        screen.line("up to date with what was read last", indent=2)
    _print_health(screen, target, standing)
    _print_troubles(screen, target, standing)


def _print_health(screen: Screen, target: TargetStanding, standing: Standing) -> None:
    """Whether the target as a whole fails, and how fast it may be asked."""
    known = target.known
    if known.failures:
        screen.line(
            (
                (
                    f"{_number(known.failures, 'run')} in a row failed:"
                    f" {printable(known.last_error or '')}"
                ),
                "red",
            ),
            indent=2,
        )
    until = known.quarantined_until
    if until is not None and until > standing.now:
        when = f"in quarantine until {local(until)}; scimsync push -t {target.name} tries at once"
        screen.line((when, "red"), indent=2)
    elif until is not None:
        screen.line(
            "its quarantine is over: the next push tries it with one request first", indent=2
        )
    if known.lowered_rate is not None and known.lowered_at is not None:
        when = distance(known.lowered_at, standing.now)
        screen.line(
            f"rate lowered to {known.lowered_rate:.3g} a second, by answers 429 {when}", indent=2
        )


def _print_troubles(screen: Screen, target: TargetStanding, standing: Standing) -> None:
    troubles = target.troubles
    if not troubles.count:
        return
    again = troubles.next_try_at
    first = (
        ""
        if again is None
        else (
            "; the first is due"
            f" {'now' if again <= standing.now else distance(again, standing.now)}"
        )
    )
    screen.line(
        (f"{troubles.count:,} failing or waiting{first}; scimsync retry tries all now", "red"),
        indent=2,
    )
    rows: list[list[Part]] = []
    for one in troubles.first:
        who = one.key if one.kind is Kind.USER else f"{one.kind} {one.key}"
        times = f"failed {_number(one.failures, 'time')}" if one.failures else "was interrupted"
        rows.append([(printable(who), "bold"), times, printable(one.last_error or "")])
    screen.rows(rows, indent=4)
    if troubles.count > len(troubles.first):
        screen.line(
            f"and {troubles.count - len(troubles.first):,} more: scimsync journal -t {target.name}"
            " --failed",
            indent=4,
        )


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
