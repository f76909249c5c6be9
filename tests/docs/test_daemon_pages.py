"""What docs/reference/daemon.md, notifications.md and metrics.md show is what the program says,
sends and exposes."""

from __future__ import annotations

import json
import re
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scimsync.config.load import parse
from scimsync.config.notifications import Event
from scimsync.daemon.metrics import Figures, exposition, standing
from scimsync.daemon.notify.words import began_title
from scimsync.state.store import scratch_store
from tests.daemon.test_daemon_process import running
from tests.office import MONDAY, Office
from tests.servers.hooks import SECRET, Hooks, running_hooks

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / "docs" / "reference" / f"{name}.md").read_text("utf-8")
    for name in ("daemon", "metrics", "notifications")
}
SYSTEMD = ROOT / "examples" / "systemd"


def shown(page: str, beginning: str, language: str = "") -> str:
    """The block of a page that begins like this."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)
    (block,) = [block for of, block in blocks if of == language and block.startswith(beginning)]
    return str(block)


def alike(lines: list[str]) -> list[str]:
    """`lines` without what is another one each time."""
    return [re.sub(r"\d+\.\d s|\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", "TIME", line) for line in lines]


@pytest.fixture
def company(real_office: Office) -> Office:
    """The example of a daemon, at a real server."""
    shutil.copytree(SYSTEMD, real_office.folder, dirs_exist_ok=True)
    edit(real_office, "https://wiki.example.com/scim/v2", real_office.url)
    edit(real_office, "sqlite:////var/lib/scimsync/", "sqlite:///")
    edit(real_office, "port = 9787", "port = 0")
    return real_office


def edit(office: Office, before: str, after: str, name: str = "sync.toml") -> None:
    """Puts a changed file into place."""
    text = (office.folder / name).read_text("utf-8")
    assert before in text
    office.write(f"{name}.new", text.replace(before, after))
    (office.folder / f"{name}.new").replace(office.folder / name)


def test_the_daemon_says_what_the_page_shows(company: Office) -> None:
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
        daemon.until("trouble (config) began")
        edit(company, "[schedul]", "[schedule]")
        daemon.until("trouble (config) is over")
        assert daemon.end() == 0

    session = shown("daemon", "$ scimsync daemon\n", "console").splitlines()[1:]
    reload = shown("daemon", "2026-11-24 23:57:39 error: sync.toml").splitlines()
    assert alike(daemon.lines) == alike([*session[:-2], *reload, *session[-2:]])


@pytest.fixture
def got(company: Office) -> Any:
    """What a webhook gets of a half-written file."""
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
        yield one_of(hooks)


def one_of(hooks: Hooks) -> Any:
    (one,) = hooks.got
    return one


def test_a_webhook_gets_what_the_page_shows(got: Any) -> None:
    example = json.loads(shown("notifications", "{", "json"))
    moments = {"timestamp": got.document["timestamp"]}
    assert got.document == {
        **example,
        **moments,
        "data": {**example["data"], "since": got.data["since"]},
    }
    head = shown("notifications", "POST /").splitlines()[1:]
    assert {line.partition(":")[0].lower() for line in head} <= got.headers.keys()


def test_the_receiver_of_the_page_knows_who_has_sent_it(
    got: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program: dict[str, Any] = {}
    exec(shown("notifications", "import base64", "python"), program)
    comes_from_scimsync = program["comes_from_scimsync"]
    sent_at = int(got.headers["webhook-timestamp"])
    monkeypatch.setattr(time, "time", lambda: sent_at + 4.0)

    assert comes_from_scimsync(got.headers, got.body, SECRET)
    assert not comes_from_scimsync(got.headers, got.body + b" ", SECRET)
    assert not comes_from_scimsync(got.headers, got.body, SECRET.lower())
    assert not comes_from_scimsync({**got.headers, "webhook-id": "msg_2"}, got.body, SECRET)
    monkeypatch.setattr(time, "time", lambda: sent_at + 301.0)
    assert not comes_from_scimsync(got.headers, got.body, SECRET)


def test_each_event_stands_on_the_page_with_its_title() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\|[^|]*\| `(scimsync: .*)` \|$", PAGES["notifications"], re.MULTILINE
    )
    assert [event for event, _ in rows] == [event.value for event in Event]
    for event, title in rows[:-1]:
        subjects = {"source": "hr", "stale": "hr", "config": "sync.toml", "error": "push"}
        assert title == began_title(Event(event), [subjects.get(event, "wiki")])


def test_each_metric_stands_on_the_page_with_its_labels(tmp_path: Path) -> None:
    text = (ROOT / "sync.toml.example").read_text("utf-8")
    config = parse(text, tmp_path / "sync.toml")
    figures = Figures()
    figures.run("command", "done", 1.0)
    figures.request("wiki", "GET", 200, 0.1)
    figures.operations("wiki", {})
    figures.reloaded(True, MONDAY)
    figures.planned({"wiki": MONDAY})
    with closing(scratch_store()) as store:
        exposed = exposition(figures, standing(config, store, MONDAY, {}), process=False).decode()
    rows = dict(re.findall(r"^\| `(scimsync_\w+)` \|([^|]*)\|", PAGES["metrics"], re.MULTILINE))

    families = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(exposed)
    }
    assert rows.keys() == families.keys()
    for name, family in families.items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert (
            not family.samples
            or set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", rows[name]))) == labels
        ), name
