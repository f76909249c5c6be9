"""A report as an HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scimsync.formatting import plural
from scimsync.probe.findings import ProbeFinding, findings
from scimsync.probe.render.http_text import request_text, response_text
from scimsync.probe.values import (
    Check,
    Exchange,
    LeftResource,
    Outcome,
    ProbeReport,
    ProbeResult,
    RequestPurpose,
)

_TONES: Mapping[Outcome, str] = {
    Outcome.PASSED: "good",
    Outcome.WARNED: "warn",
    Outcome.FAILED: "bad",
    Outcome.SKIPPED: "quiet",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """An outcome of a check, and the providers that it has for them."""

    word: str
    tone: str
    providers: str
    found: str


@dataclass(frozen=True, slots=True)
class _Row:
    """A check with its outcomes."""

    check: Check
    parts: list[_Part]


@dataclass(frozen=True, slots=True)
class _Request:
    """A request and its response, line by line."""

    request: list[str]
    response: list[str]
    reads_back: bool


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A finding as it is shown."""

    finding: ProbeFinding
    word: str
    tone: str
    providers: str
    step: str
    explains: list[str]
    requests: list[_Request]


def html_report(report: ProbeReport) -> Iterator[str]:
    """Yield the page in pieces."""
    from scimsync.htmlpage import html_page

    wrong = [_wrong(report, one) for one in findings(report)]
    yield from html_page(
        "scimsync.probe.render",
        "probe.html",
        {
            "url": report.url,
            "facts": [
                f"{report.started:%Y-%m-%d %H:%M} UTC",
                f"{plural(len(report.exchanges), 'request')} in {report.seconds:.1f} s",
                f"names begin with scimsync-probe-{report.run}-",
            ],
            "scores": [
                (name, report.providers[name], score) for name, score in report.scores.items()
            ],
            "wrong": wrong,
            "failed": sum(one.finding.outcome is Outcome.FAILED for one in wrong),
            "rows": _rows(report),
            "left": [_left(one) for one in report.left],
        },
    )
    yield "\n"


def _wrong(report: ProbeReport, finding: ProbeFinding) -> _Wrong:
    failed = finding.outcome is Outcome.FAILED
    titles = dict.fromkeys(one.check.title for one in finding.consequences)
    return _Wrong(
        finding=finding,
        word="fails" if failed else "warning",
        tone=_TONES[finding.outcome],
        providers=", ".join(report.providers[one] for one in finding.providers),
        step=finding.results[0].step,
        explains=list(titles),
        requests=[_request(one) for one in finding.exchanges],
    )


def _request(exchange: Exchange) -> _Request:
    return _Request(
        request_text(exchange).splitlines(),
        response_text(exchange).splitlines(),
        exchange.purpose is RequestPurpose.READ_BACK,
    )


def _rows(report: ProbeReport) -> list[_Row]:
    """Return a row for each check, in the order in which they were made."""
    results: dict[str, list[ProbeResult]] = {}
    for one in report.results:
        results.setdefault(one.check.id, []).append(one)
    return [_Row(those[0].check, list(_parts(those))) for those in results.values()]


def _parts(results: Sequence[ProbeResult]) -> Iterator[_Part]:
    for outcome, tone in _TONES.items():
        those = [one for one in results if one.outcome is outcome]
        if those:
            found = dict.fromkeys(one.found for one in those if one.found)
            names = ", ".join(one.provider for one in those)
            yield _Part(outcome, tone, names, "; ".join(found))


def _left(one: LeftResource) -> str:
    place = one.endpoint if one.id is None else f"{one.endpoint}/{one.id}"
    return f"{place} ({one.name}): {one.why}"
