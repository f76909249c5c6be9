"""The log, webhooks, events, and metrics are what the pages about the daemon show."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scimsync.builtin import parse
from scimsync.config.notifications import Event
from scimsync.daemon.metrics import DaemonMetrics, next_run_gauge, state_gauges
from scimsync.daemon.notify.wording import fired_title
from scimsync.state.store import scratch_store
from tests.daemon.test_daemon_process import running
from tests.docs.documentation import ROOT, block, page
from tests.office import MONDAY, Office
from tests.servers.hooks import SECRET, running_hooks

DAEMON = page("docs/reference/daemon.md")
NOTIFICATIONS = page("docs/reference/notifications.md")
SYSTEMD = ROOT / "examples" / "systemd"


def without_times(lines: list[str]) -> list[str]:
    """Replace the times and durations, which differ from run to run."""
    return [re.sub(r"\d+\.\d s|\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", "TIME", line) for line in lines]


@pytest.fixture
def company(real_office: Office) -> Office:
    """The systemd example, with a real server."""
    shutil.copytree(SYSTEMD, real_office.folder, dirs_exist_ok=True)
    edit(real_office, "https://wiki.example.com/scim/v2", real_office.url)
    edit(real_office, "sqlite:////var/lib/scimsync/", "sqlite:///")
    edit(real_office, "port = 9787", "port = 0")
    return real_office


def edit(office: Office, before: str, after: str, name: str = "sync.toml") -> None:
    """Edit a file and replace it atomically."""
    text = (office.folder / name).read_text("utf-8")
    assert before in text
    office.write(f"{name}.new", text.replace(before, after))
    (office.folder / f"{name}.new").replace(office.folder / name)


def test_the_daemon_logs_what_the_page_shows(company: Office) -> None:
    with running(company, TZ="Europe/Berlin") as daemon:
        daemon.until("7 create")
        people = (company.folder / "incoming" / "hr.csv").read_text("utf-8")
        people = people.replace(
            "Account Manager,Sales,1004,active,2020-03", "Recruiter,People,1007,active,2020-03"
        )
        company.write("new.csv", people.replace("1002,active,2024", "1002,left,2024"))
        (company.folder / "new.csv").replace(company.folder / "incoming" / "hr.csv")
        daemon.until("1 update, 1 deactivate")
        edit(company, "[schedule]", "[schedul]")
        daemon.until("alert firing (config)")
        edit(company, "[schedul]", "[schedule]")
        daemon.until("alert resolved (config)")
        assert daemon.end() == 0

    session = block(DAEMON, "console", "$ scimsync daemon\n").splitlines()[1:]
    reload = block(DAEMON, "", "2026-11-24 23:57:39 error: sync.toml").splitlines()
    assert without_times(daemon.lines) == without_times([*session[:-2], *reload, *session[-2:]])


@pytest.fixture
def received(company: Office) -> Iterator[Any]:
    """The webhook request about a half-written file."""
    receiver = '[notify.to.desk]\nwebhook = "HOOK_URL"\nsecret = "literal:SECRET"\n'
    with running_hooks() as hooks:
        edit(
            company,
            "[health]",
            receiver.replace("HOOK_URL", hooks.url).replace("SECRET", SECRET) + "[health]",
        )
        people = (company.folder / "incoming" / "hr.csv").read_bytes()
        (company.folder / "incoming" / "hr.csv").write_bytes(people[:-30])
        assert company.run("-q", "push").code == 1
        (request,) = hooks.got
        yield request


def test_a_webhook_gets_what_the_page_shows(received: Any) -> None:
    example = json.loads(block(NOTIFICATIONS, "json"))
    example["timestamp"] = received.document["timestamp"]
    example["data"]["since"] = received.data["since"]
    assert received.document == example
    headers = block(NOTIFICATIONS, "", "POST /").splitlines()[1:]
    assert {line.partition(":")[0].lower() for line in headers} <= received.headers.keys()


def test_the_receiver_on_the_page_verifies_a_request(received: Any) -> None:
    receiver: dict[str, Any] = {}
    exec(block(page("docs/how-to/set-up-notifications.md"), "python"), receiver)

    def verifies(headers: dict[str, str], body: bytes, secret: str, *, age_s: int = 4) -> bool:
        now = int(headers["webhook-timestamp"]) + age_s
        receiver["time"] = SimpleNamespace(time=lambda: now)
        return bool(receiver["comes_from_scimsync"](headers, body, secret))

    headers, body = received.headers, received.body
    assert verifies(headers, body, SECRET)
    assert not verifies(headers, body + b" ", SECRET)
    assert not verifies(headers, body, SECRET.lower())
    assert not verifies({**headers, "webhook-id": "msg_2"}, body, SECRET)
    assert not verifies(headers, body, SECRET, age_s=301)


def test_the_page_lists_every_event_with_its_title() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\|[^|]*\| `(\[scimsync\] .*)` \|$", NOTIFICATIONS, re.MULTILINE
    )
    assert [event for event, _ in rows] == [event.value for event in Event]
    for event, title in rows[:-1]:
        subjects = {"source": "hr", "stale": "hr", "config": "sync.toml", "error": "push"}
        assert title == fired_title(Event(event), [subjects.get(event, "wiki")])


def test_the_page_lists_every_metric_with_its_labels(tmp_path: Path) -> None:
    text = (ROOT / "sync.toml.example").read_text("utf-8")
    config = parse(text, tmp_path / "sync.toml")
    metrics = DaemonMetrics()
    metrics.record_run("command", "done", 1.0)
    metrics.record_request("wiki", "GET", 200, 0.1)
    metrics.record_operations("wiki", {})
    metrics.record_config(True, MONDAY)
    metrics.add_collector(lambda: [next_run_gauge({"wiki": MONDAY})])
    with closing(scratch_store()) as store:
        metrics.add_collector(lambda: state_gauges(config, store, MONDAY, {}))
        exposed = metrics.expose().decode()
    rows = dict(
        re.findall(
            r"^\| `(scimsync_\w+)` \|([^|]*)\|", page("docs/reference/metrics.md"), re.MULTILINE
        )
    )

    families = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(exposed)
        if family.name.startswith("scimsync_")
    }
    assert rows.keys() == families.keys()
    for name, family in families.items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert (
            not family.samples
            or set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", rows[name]))) == labels
        ), name
