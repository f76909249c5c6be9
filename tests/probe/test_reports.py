"""Reports of a probe for people, for CI, and for the tools of developers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scimsync.probe.render import FORMATS
from scimsync.probe.render.har import archive
from scimsync.probe.run import ProbeOptions
from scimsync.probe.values import (
    Check,
    Exchange,
    Outcome,
    ProbeReport,
    ProbeResult,
    RequestPurpose,
)
from tests.office import Office
from tests.probe.conftest import origin_of, probed
from tests.servers.defects import Defect, running_provider

HOSTILE = "<script>alert(1)</script> | ``` @admin [x](http://evil.example) \x1b[31m \u202e"
STARTED = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def report(options_of: Callable[..., ProbeOptions]) -> ProbeReport:
    """A probe of a server with a fault of each outcome."""
    with running_provider(Defect.FILTERED_REMOVAL_IGNORED, Defect.UNQUOTED_REFUSED) as server:
        return probed(origin_of(server.url, server.token), options_of("okta", "entra"))


def written(report: ProbeReport, form: str) -> str:
    return "".join(FORMATS[form](report))


def hostile(bodies: str = HOSTILE, findings: int = 1) -> ProbeReport:
    """A report whose texts come from a server that means harm."""
    results = []
    for number in range(findings):
        exchange = Exchange(
            sequence="okta",
            step=HOSTILE,
            purpose=RequestPurpose.SEQUENCE,
            started=STARTED,
            seconds=0.25,
            method="POST",
            path="/Users",
            request_headers=(("Authorization", "Bearer sesame"), ("Cookie", "id=sesame")),
            request_body=json.dumps({"password": "sesame", "emails": [{"value": bodies}]}),
            status=400,
            response_headers=(("Set-Cookie", "id=sesame"), ("X-Text", HOSTILE)),
            response_body=bodies,
        )
        check = Check(f"check-{number}", HOSTILE, "RFC 7644", HOSTILE)
        results.append(ProbeResult(check, "okta", HOSTILE, Outcome.FAILED, HOSTILE, (exchange,)))
    exchanges = tuple(one for result in results for one in result.exchanges)
    return ProbeReport(
        "https://app.example.com/v2",
        "0a",
        STARTED,
        1.0,
        {"okta": "Okta"},
        tuple(results),
        exchanges,
    )


def test_junit_has_a_test_for_each_check(report: ProbeReport) -> None:
    suites = ElementTree.fromstring(written(report, "junit"))

    assert [suite.get("name") for suite in suites] == list(report.providers.values())
    for suite, score in zip(suites, report.scores.values(), strict=True):
        children = Counter(child.tag for case in suite for child in case)
        assert children == {
            tag: count
            for tag, count in (
                ("failure", score.failed),
                ("system-out", score.warned),
                ("skipped", score.skipped),
            )
            if count
        }
        assert suite.get("tests") == str(len(suite))
        assert suite.get("failures") == str(score.failed)
    failure = suites.find(".//testcase/failure[@type='members-remove']")
    assert failure is not None
    assert failure.get("message") == "the member is still in the group"
    assert "PATCH /Groups/" in str(failure.text)


def test_markdown_and_html_show_each_fault_once(report: ProbeReport) -> None:
    markdown, page = written(report, "markdown"), written(report, "html")

    heads = [line for line in markdown.splitlines() if line.startswith("### ")]
    assert heads == [
        "### Fails: PATCH removes one member by a filter, and keeps the others",
        "### Warning: A filter value without quotes is accepted",
    ]
    assert "- breaks: Microsoft Entra ID (aadOptscim062020), Okta" in markdown
    assert "- also fails: `okta-members`" in markdown
    assert [one.strip() for one in re.findall(r"<h3>.*</span> (.*)</h3>", page)] == [
        "PATCH removes one member by a filter, and keeps the others",
        "A filter value without quotes is accepted",
    ]


def test_json_has_the_findings(report: ProbeReport) -> None:
    found = json.loads(written(report, "json"))["findings"]

    assert [(one["check"], one["outcome"], one["also"]) for one in found] == [
        ("members-remove", "failed", ["okta-members"]),
        ("filter-unquoted", "warned", []),
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_wrong(form: str) -> None:
    check = Check("put", "PUT", "RFC 7644", "hint")
    passed = ProbeResult(check, "okta", "Replace", Outcome.PASSED)
    text = written(replace(hostile(), results=(passed,)), form)

    assert text.endswith("\n")
    if form in ("markdown", "html"):
        assert "Nothing is wrong." in text


def test_text_of_the_server_is_no_markup() -> None:
    page, markdown = written(hostile(), "html"), written(hostile(), "markdown")

    assert "<script" not in page
    assert not re.search(r'(src|href)="', page)
    outside = re.sub(r"\n(`{3,})http\n.*?\n\1\n", "\n", markdown, flags=re.DOTALL)
    assert "<script" not in outside
    assert not re.search(r"(?<!\\)\]\(http", outside)
    assert not re.search(r"(?<!\\)@admin", outside)
    for form in FORMATS:
        assert "\x1b" not in written(hostile(), form)
        assert form == "json" or "\u202e" not in written(hostile(), form)
    ElementTree.fromstring(written(hostile(), "junit"))


def test_markdown_fits_into_a_comment() -> None:
    text = written(hostile("x" * 100_000, findings=200), "markdown")

    assert 50_000 < len(text) < 60_000
    assert re.search(r"\n… and \d+ more; `--format html` has all\n$", text)


def test_no_report_for_people_has_secrets() -> None:
    for form in ("markdown", "html", "junit"):
        assert "sesame" not in written(hostile(), form)
    assert "sesame" not in json.dumps(archive(hostile()))


def test_the_archive_has_all_requests(report: ProbeReport) -> None:
    log = archive(report)["log"]

    assert log["version"] == "1.2"
    assert len(log["entries"]) == len(report.exchanges)
    assert {one["pageref"] for one in log["entries"]} == {one["id"] for one in log["pages"]}
    created = next(one for one in log["entries"] if one["request"]["method"] == "POST")
    assert created["request"]["url"] == f"{report.url}/Users"
    assert created["response"]["status"] == 201
    assert json.loads(created["request"]["postData"]["text"])["userName"]
    headers = {one["name"]: one["value"] for one in created["request"]["headers"]}
    assert headers["Authorization"] == "***"
    missing = _required(log) - {"comment"}
    assert missing == set()


def test_a_request_without_a_response_has_status_0() -> None:
    lost = replace(hostile().exchanges[0], status=None, problem="no response", response_body="")

    (entry,) = archive(replace(hostile(), exchanges=(lost,)))["log"]["entries"]

    assert (entry["response"]["status"], entry["response"]["statusText"]) == (0, "")
    assert entry["comment"].endswith(": no response")


def _required(log: dict[str, Any]) -> set[str]:
    """Return what HAR 1.2 requires and an entry lacks."""
    entry = {"startedDateTime", "time", "request", "response", "cache", "timings"}
    request = {"method", "url", "httpVersion", "cookies", "headers", "queryString"}
    response = {"status", "statusText", "httpVersion", "cookies", "headers", "content"}
    sizes = {"headersSize", "bodySize"}
    lacking: set[str] = set()
    for one in log["entries"]:
        lacking |= entry - one.keys()
        lacking |= (request | sizes) - one["request"].keys()
        lacking |= (response | sizes | {"redirectURL"}) - one["response"].keys()
        lacking |= {"send", "wait", "receive"} - one["timings"].keys()
        lacking |= {"size", "mimeType"} - one["response"]["content"].keys()
    return lacking


def test_the_command_writes_private_files(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("APP_TOKEN", "sesame-open")
    tests, archived = tmp_path / "probe.xml", tmp_path / "probe.har"
    chosen = ("--token", "env:APP_TOKEN", "--as", "okta-put", "--format", "junit")

    with running_provider(Defect.PUT_REFUSED) as server:
        ran = office.run("probe", server.url, *chosen, "--out", str(tests), "--har", str(archived))

    assert ran.code == 4
    assert {oct(file.stat().st_mode & 0o777) for file in (tests, archived)} == {"0o600"}
    assert ElementTree.parse(tests).getroot().get("failures") != "0"
    assert server.token not in archived.read_text("utf-8")
