"""The report of a probe as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from scimsync.cli.ui.output import Output, Part
from scimsync.formatting import one_line, plural, printable
from scimsync.probe.findings import ProbeFinding, findings
from scimsync.probe.values import (
    Exchange,
    LeftResource,
    Outcome,
    ProbeReport,
    ProbeResult,
    RequestPurpose,
)

_STYLES = {
    Outcome.FAILED: "red",
    Outcome.WARNED: "yellow",
    Outcome.SKIPPED: "dim",
    Outcome.PASSED: "green",
}
_BODY = 600
"""Characters of a body that are shown; --json has all."""


def print_report(output: Output, report: ProbeReport, *, verbose: bool) -> None:
    """Print failures, warnings and skipped checks, then the score.

    With `verbose`, also print the checks that passed.
    """
    for one in findings(report):
        _print_wrong(output, report, one)
        output.blank()
    _print_rows(output, report, Outcome.SKIPPED)
    if verbose:
        _print_rows(output, report, Outcome.PASSED)
    _print_scores(output, report)


def _by_check(report: ProbeReport, outcome: Outcome) -> Iterator[list[ProbeResult]]:
    """Yield the results with this outcome, those of one check together, in order."""
    found: dict[str, list[ProbeResult]] = {}
    for one in report.results:
        if one.outcome is outcome:
            found.setdefault(one.check.id, []).append(one)
    yield from found.values()


def _print_wrong(output: Output, report: ProbeReport, finding: ProbeFinding) -> None:
    first, check = finding.results[0], finding.check
    output.line((f"{finding.outcome.upper()}  ", _STYLES[finding.outcome]), (check.title, "bold"))
    what = "breaks" if finding.outcome is Outcome.FAILED else "about"
    others = dict.fromkeys(one.check.id for one in finding.consequences)
    rows: list[list[Part]] = [
        [what, ", ".join(report.providers[one] for one in finding.providers)],
        ["found", printable("; ".join(finding.found))],
        ["when", printable(first.step)],
        ["standard", check.standard],
        ["to do", check.hint],
        ["check", (check.id, "dim")],
    ]
    if others:
        rows.append(["also fails", (", ".join(others), "dim")])
    output.rows(rows, indent=2)
    for exchange in finding.exchanges:
        _print_exchange(output, exchange)


def _print_exchange(output: Output, exchange: Exchange) -> None:
    read_back = (
        "  (reads back what was stored)" if exchange.purpose is RequestPurpose.READ_BACK else ""
    )
    output.line((printable(str(exchange)), "cyan"), (read_back, "dim"), indent=4)
    if exchange.request_body is not None:
        output.line(one_line(exchange.request_body, _BODY), indent=6)
    if exchange.status is None:
        output.line((f"no response: {printable(exchange.problem)}", "red"), indent=4)
        return
    kinds = [value for name, value in exchange.response_headers if name.lower() == "content-type"]
    kind = printable(kinds[0]) if kinds else "no body"
    output.line((f"{exchange.status}", "bold"), f" {kind}", indent=4)
    if exchange.response_body.strip():
        output.line(one_line(exchange.response_body, _BODY), indent=6)


def _print_rows(output: Output, report: ProbeReport, outcome: Outcome) -> None:
    """Print one line for each check with this outcome."""
    rows: list[list[Part]] = []
    for results in _by_check(report, outcome):
        names = ", ".join(one.provider for one in results)
        why = f": {printable(results[0].found)}" if results[0].found else ""
        rows.append(
            [(outcome.upper(), _STYLES[outcome]), f"{results[0].check.title}{why} ({names})"]
        )
    if rows:
        output.rows(rows, indent=0)
        output.blank()


def _print_scores(output: Output, report: ProbeReport) -> None:
    output.line(
        (printable(report.url), "bold"),
        f": {plural(len(report.exchanges), 'request')} in {report.seconds:.1f} s",
    )
    heads = ("provider", "score", "passed", "failed", "warned", "skipped")
    table = [
        (
            report.providers[name],
            f"{score.percent} %",
            *(f"{count:,}" for count in (score.passed, score.failed, score.warned, score.skipped)),
        )
        for name, score in report.scores.items()
    ]
    widths = [max(len(row[at]) for row in (heads, *table)) for at in range(len(heads))]
    output.line((_aligned(heads, widths), "dim"), indent=2)
    for row, score in zip(table, report.scores.values(), strict=True):
        output.line((_aligned(row, widths), "red" if score.failed else "green"), indent=2)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers = (
        cell.ljust(width) if at == 0 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *numbers])


def print_left(report: ProbeReport) -> None:
    """Print to stderr what is still at the server."""
    if report.kept:
        number = plural(len(report.left), "resource")
        hint = "scimsync probe --clean or the next probe removes them"
        click.echo(f"kept {number} named scimsync-probe-{report.run}-…; {hint}", err=True)
    else:
        _print_left(report.left)


def print_clean_up(gone: int, left: Sequence[LeftResource]) -> None:
    """Print how many resources were removed, and which are left."""
    click.echo(f"removed {plural(gone, 'resource')} of earlier probes")
    _print_left(left)


def _print_left(left: Sequence[LeftResource]) -> None:
    if not left:
        return
    number = plural(len(left), "resource")
    click.secho(f"{number} could not be removed: [SYNC-0964]", fg="red", err=True)
    for one in left:
        place = one.endpoint if one.id is None else f"{one.endpoint}/{one.id}"
        click.echo(printable(f"  {place} ({one.name}): {one.why}"), err=True)
