"""How the findings of a check are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from scimsync.cli.checking.findings import Finding, Level, exit_code_of
from scimsync.cli.output import printable
from scimsync.cli.screen import Screen

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


def print_findings(findings: Iterable[Finding], *, quiet: bool) -> list[Finding]:
    """Prints findings as they come, and their sum; with `quiet` only what is not fine. Returns
    them."""
    screen = Screen()
    seen: list[Finding] = []
    heading: tuple[str, str] | None = None
    for finding in findings:
        seen.append(finding)
        if quiet and finding.level is Level.OK:
            continue
        if heading != (finding.area, finding.name):
            heading = (finding.area, finding.name)
            screen.line(f"{finding.area} ", (printable(finding.name), "bold"))
        screen.rows(
            [[(f"{finding.level:<7}", _STYLES[finding.level]), printable(finding.message)]], below=9
        )
        for line in (*finding.details, *([finding.hint] if finding.hint else [])):
            screen.line(printable(line), indent=13)
    if not quiet:
        screen.blank()
        screen.line(_sum(seen))
    return seen


def findings_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """`check --json`."""
    return {
        "exit_code": exit_code_of(findings),
        "findings": [
            {
                "area": finding.area,
                "name": finding.name,
                "level": finding.level,
                "message": finding.message,
                "details": finding.details,
                "hint": finding.hint,
            }
            for finding in findings
        ],
    }


def _sum(findings: Sequence[Finding]) -> tuple[str, str]:
    numbers = {level: sum(one.level is level for one in findings) for level in Level}
    words = [
        f"{count} {level}{'' if count == 1 else 's'}"
        for level, count in reversed(numbers.items())
        if count and level is not Level.OK
    ]
    if not words:
        return "all fine", "green"
    return ", ".join(words), "red" if numbers[Level.ERROR] else "yellow"
