"""A report as GitHub-flavoured Markdown, for an issue or a pull request.

Text of the server adds no markup. The report has at most `MOST_CHARS` characters, because a comment
on GitHub may have 65,536: the requests of the last findings are left out first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from scimsync.formatting import plural, printable
from scimsync.probe.findings import ProbeFinding, findings
from scimsync.probe.render.http_text import request_text, response_text
from scimsync.probe.values import Exchange, Outcome, ProbeReport

MOST_CHARS: Final = 60_000
_FOR_END: Final = 300
_MARKUP: Final = re.compile(r"([\\`*_\[\]|~#@])")


def markdown_report(report: ProbeReport) -> Iterator[str]:
    """Yield the report in pieces."""
    start = "\n".join(_start(report)) + "\n"
    yield start
    room, left_out = MOST_CHARS - len(start) - _FOR_END, 0
    for one in findings(report):
        head, requests = "\n".join(_finding(report, one)) + "\n", _requests(one)
        text = head + requests if len(head) + len(requests) <= room else head
        if len(text) > room:
            left_out += 1
            continue
        room -= len(text)
        yield text
    if left_out:
        yield f"\n… and {left_out:,} more; `--format html` has all\n"


def _start(report: ProbeReport) -> Iterator[str]:
    yield f"## scimsync probe of {_plain(report.url)}"
    yield ""
    number = plural(len(report.exchanges), "request")
    yield f"{report.started:%Y-%m-%d %H:%M} UTC, {number} in {report.seconds:.1f} s"
    yield ""
    yield "| provider | score | passed | failed | warned | skipped |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for name, score in report.scores.items():
        counts = (score.passed, score.failed, score.warned, score.skipped)
        cells = [_plain(report.providers[name]), f"{score.percent} %", *map(str, counts)]
        yield f"| {' | '.join(cells)} |"
    if not findings(report):
        yield ""
        yield "Nothing is wrong."


def _finding(report: ProbeReport, finding: ProbeFinding) -> Iterator[str]:
    check = finding.check
    word = "Fails" if finding.outcome is Outcome.FAILED else "Warning"
    yield ""
    yield f"### {word}: {_plain(check.title)}"
    yield ""
    names = ", ".join(_plain(report.providers[one]) for one in finding.providers)
    yield f"- {'breaks' if word == 'Fails' else 'about'}: {names}"
    yield f"- found: {'; '.join(map(_plain, finding.found))}"
    yield f"- when: {_plain(finding.results[0].step)}"
    yield f"- to do: {_plain(check.hint)}"
    yield f"- standard: {_plain(check.standard)}"
    yield f"- check: `{check.id}`"
    if finding.consequences:
        others = dict.fromkeys(one.check.id for one in finding.consequences)
        yield f"- also fails: {', '.join(f'`{one}`' for one in others)}"


def _requests(finding: ProbeFinding) -> str:
    if not finding.exchanges:
        return ""
    shown = "".join(map(_exchange, finding.exchanges))
    return f"\n<details><summary>requests</summary>\n{shown}\n</details>\n"


def _exchange(exchange: Exchange) -> str:
    return _fenced(request_text(exchange)) + _fenced(response_text(exchange))


def _fenced(text: str) -> str:
    """Return a block of code: its fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n{fence}http\n{text}\n{fence}\n"


def _plain(text: str) -> str:
    """Return text without markup: neither Markdown, HTML, nor mentions."""
    return _MARKUP.sub(r"\\\1", html.escape(printable(text), quote=False))
