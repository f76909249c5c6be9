"""A report as JUnit XML, which CI systems show as test results.

A provider is a test suite, and a check is a test case. A warning is a test that passes, with the
text as its output. The format is that of github.com/testmoapp/junitxml (read 2026-11-29).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from scimsync.formatting import printable
from scimsync.probe.render.http_text import request_text, response_text
from scimsync.probe.values import Outcome, ProbeReport, ProbeResult


def junit_report(report: ProbeReport) -> Iterator[str]:
    """Yield the document in one piece."""
    suites = Element("testsuites", name="scimsync probe", time=f"{report.seconds:.3f}")
    for provider in report.providers:
        _suite(suites, report, provider)
    for name in ("tests", "failures", "skipped"):
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    suites.set("errors", "0")
    indent(suites)
    text = tostring(suites, encoding="unicode")
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(suites: Element, report: ProbeReport, provider: str) -> None:
    results = [one for one in report.results if one.provider == provider]
    score = report.scores[provider]
    suite = SubElement(
        suites,
        "testsuite",
        name=printable(report.providers[provider]),
        hostname=printable(report.url),
        timestamp=report.started.isoformat(timespec="seconds"),
        tests=str(len(results)),
        failures=str(score.failed),
        errors="0",
        skipped=str(score.skipped),
        time=f"{sum(map(_seconds, results)):.3f}",
    )
    for result in results:
        _case(suite, result)


def _case(suite: Element, result: ProbeResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=f"scimsync.probe.{result.provider}",
        name=f"{result.check.id}: {printable(result.check.title)}",
        time=f"{_seconds(result):.3f}",
    )
    if result.outcome is Outcome.SKIPPED:
        SubElement(case, "skipped", message=printable(result.found))
    elif result.outcome is Outcome.FAILED:
        failure = SubElement(case, "failure", message=printable(result.found), type=result.check.id)
        failure.text = _explained(result)
    elif result.outcome is Outcome.WARNED:
        output = SubElement(case, "system-out")
        output.text = f"warning: {printable(result.found)}\n{_explained(result)}"


def _explained(result: ProbeResult) -> str:
    check = result.check
    lines = [
        f"when: {printable(result.step)}",
        f"standard: {check.standard}",
        f"to do: {printable(check.hint)}",
    ]
    for one in result.exchanges:
        lines += ["", request_text(one), "", response_text(one)]
    return "\n".join(lines)


def _seconds(result: ProbeResult) -> float:
    return sum(one.seconds for one in result.exchanges)
