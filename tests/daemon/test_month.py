"""A daemon runs for a month: it detects everything, loses and repeats nothing, and the targets are
exact at the end."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.chaos.scale import LONG, scaled, seed
from tests.daemon import month
from tests.office import Office, fetch
from tests.servers.hooks import SECRET, Hooks, running_hooks
from tests.servers.wire import Wire, watched

ROOT = Path(__file__).parents[2]


@dataclass
class Life:
    """A month of a daemon: its folder, its targets, its receiver."""

    folder: Path
    wires: dict[str, Wire]
    hooks: Hooks
    token: str

    def start(self) -> subprocess.Popen[str]:
        """Continue where it stopped."""
        log = (self.folder / "log").open("a")
        with log:
            return subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.daemon.month", str(self.folder)],
                cwd=ROOT,
                env={
                    **os.environ,
                    "TZ": "Europe/Berlin",
                    "WIKI_TOKEN": self.token,
                    "HOOK_URL": f"{self.hooks.url}/desk",
                    "HOOK_SECRET": SECRET,
                },
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def log(self) -> list[dict[str, Any]]:
        """Its lines, in order."""
        return [
            json.loads(line)
            for line in (self.folder / "log").read_text().splitlines()
            if line.startswith("{")
        ]

    def metrics(self, name: str) -> dict[str, float]:
        """`name{label="value",…}` -> value, at a moment of `month.EVENTS`."""
        text = (self.folder / f"metrics-{name}").read_text()
        return {
            sample.name
            + "{"
            + ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
            + "}": sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def notified(self) -> list[str]:
        """Types and subjects of the notifications that arrived, each once."""
        messages = {one.headers["webhook-id"]: one.document for one in self.hooks.got}
        return [
            f"{one['type'].removeprefix('scimsync.')} {' '.join(one['data']['subjects'])}".strip()
            for one in messages.values()
        ]

    def held(self, target: str) -> dict[str, Any]:
        """userName -> the account at the target; names must be unique."""
        url = f"{self.wires[target].url}/Users?count=1000"
        found = fetch(url, self.token)["Resources"]
        assert max(Counter(one["externalId"] for one in found).values()) == 1
        names = {one["id"]: one["userName"] for one in found}
        held = {}
        for one in found:
            more = {name: value for name, value in one.items() if name.startswith("urn:")}
            for value in more.values():
                if "manager" in value:
                    value["manager"] = names[value["manager"]["value"]]
            held[one["userName"]] = (one["externalId"], one.get("displayName"), one["active"], more)
        return held

    def groups(self) -> dict[str, set[str]]:
        """displayName -> userNames."""
        names = {
            one["id"]: one["userName"]
            for one in fetch(f"{self.wires['wiki'].url}/Users?count=1000", self.token)["Resources"]
        }
        found = fetch(f"{self.wires['wiki'].url}/Groups?count=1000", self.token)["Resources"]
        return {
            one["displayName"]: {names[member["value"]] for member in one.get("members", [])}
            for one in found
        }


@pytest.fixture
def life(tmp_path: Path, real_server: tuple[str, str]) -> Iterator[Life]:
    url, token = real_server
    with ExitStack() as stack:
        hooks = stack.enter_context(running_hooks())
        wires = {
            name: stack.enter_context(watched(f"{url}/{name}-{secrets.token_hex(6)}/v2"))
            for name in ("wiki", "crm")
        }
        wires["crm"].is_down = (tmp_path / "down").exists
        month.prepare(tmp_path, wires["wiki"].url, wires["crm"].url)
        yield Life(tmp_path, wires, hooks, token)


def assert_exact(life: Life, tmp_path: Path) -> None:
    """Both targets match the last file, as after a first push, and no work is left."""
    now = month.END
    rows = month.rows_until(now)
    at_work = {row["id"]: row for row in rows if row["status"] == "active"}
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    boss = at_work["00001"]["email"].lower()
    expected = {}
    for key, row in at_work.items():
        more = {"department": row["dept"]} | ({"manager": boss} if row["manager"] else {})
        expected[row["email"].lower()] = (
            key,
            f"{row['given']} {row['family']}",
            True,
            {enterprise: more},
        )
    assert life.held("wiki") == expected
    assert life.held("crm") == {
        row["email"].lower(): (key, None, True, {})
        for key, row in at_work.items()
        if row["dept"] == "Sales"
    }
    assert life.groups() == {
        f"Department {dept}": {
            row["email"].lower() for row in at_work.values() if row["dept"] == dept
        }
        for dept in ("Sales", "IT", "Law")
    }
    office = Office(life.folder, "", life.token, now=now)
    for wire in life.wires.values():
        wire.seen.clear()
    outcome = office.push()
    assert (outcome.exit_code, outcome.guard) == (0, None)
    assert [wire.seen for wire in life.wires.values()] == [[], []]


def created(wire: Wire) -> Counter[str]:
    """externalId -> how often its creation was requested."""
    return Counter(
        body["externalId"]
        for method, path, body in wire.seen
        if method == "POST" and path.endswith("/Users")
    )


DAYS = {"03": range(10, 32), "04": range(1, 11)}
SUMMARIES = ("summary", "summary wiki crm")
ALERTS = [
    "source.began hr", "source.ended hr",
    "config.began sync.toml", "config.ended sync.toml",
    "target.began crm", "target.ended crm",
    "guard.began wiki crm", "guard.ended wiki", "guard.ended crm",
    "stale.began hr", "stale.ended hr", "stale.began hr",
]  # fmt: skip


def each(notified: list[str]) -> Counter[str]:
    """`guard.began wiki crm` is one for the wiki and one for the CRM; summaries are left out."""
    words = [one.split() for one in notified if one not in SUMMARIES]
    return Counter(f"{event} {subject}" for event, *subjects in words for subject in subjects)


def test_a_month(life: Life, tmp_path: Path) -> None:
    process = life.start()
    process.communicate()
    log = life.log()
    assert process.returncode == 0, (life.folder / "log").read_text()[-3000:]
    lines = [f"{line['at'][:16]} {line['event']}" for line in log]

    # every night at 2:30, and at 3:00 on the day without that hour
    nights = [line[:16] for line in lines if re.search(r"push wiki(, crm)?: scheduled", line)]
    assert [at[:10] for at in nights] == [
        f"2026-{month}-{day:02}" for month, some in DAYS.items() for day in some
    ]
    assert {at[11:] for at in nights} == {"02:30", "03:00"}
    assert [at for at in nights if at.endswith("03:00")] == ["2026-03-29T03:00"]

    # each event is detected: in the log, the metrics and the notifications
    notified = life.notified()
    assert [one for one in notified if one not in SUMMARIES] == ALERTS
    assert sum(notified.count(one) for one in SUMMARIES) == 32
    for wanted in (
        "2026-03-11T10:00 hr: source files changed",
        "2026-03-12T09:00 hr: hr.csv ends in the middle of a row; is it still being written?",
        "2026-03-12T09:02 alert resolved (source): hr",
        "2026-03-16T12:00 sync.toml is invalid",
        "2026-03-16T13:00 sync.toml reloaded",
        "2026-03-20T11:00 aborted by a guard; nothing was sent",
        "2026-03-24T15:00 push wiki: retry, deletion or new day",
        "2026-04-02T00:00 push wiki, crm: retry, deletion or new day",
    ):
        assert any(line.startswith(wanted) for line in lines), wanted
    seen = life.metrics
    assert seen("half")['scimsync_troubles{event="source"}'] == 1
    assert seen("half")['scimsync_runs_total{cause="file",outcome="error"}'] == 1
    assert seen("whole")['scimsync_troubles{event="source"}'] == 0
    assert seen("left")['scimsync_accounts{kind="user",status="inactive",target="wiki"}'] == 1
    assert seen("bad")["scimsync_config_reload_successful{}"] == 0
    assert seen("good")["scimsync_config_reload_successful{}"] == 1
    assert seen("down")['scimsync_quarantined{target="crm"}'] == 1
    assert seen("down")['scimsync_troubles{event="target"}'] == 1
    assert seen("down")['scimsync_due{target="wiki"}'] == 0
    assert seen("up")['scimsync_quarantined{target="crm"}'] == 0
    assert seen("guard")['scimsync_troubles{event="guard"}'] == 2
    assert seen("guard")['scimsync_runs_total{cause="file",outcome="stopped"}'] == 1
    assert seen("free")['scimsync_troubles{event="guard"}'] == 0
    active = 'scimsync_accounts{kind="user",status="active",target="wiki"}'
    assert seen("back")[active] == seen("guard")[active] + 1
    inactive = 'scimsync_accounts{kind="user",status="inactive",target="wiki"}'
    assert (seen("waiting")[inactive], seen("deleted")[inactive]) == (1, 0)
    assert seen("started")[active] == seen("eve")[active] + 1
    assert seen("stale")['scimsync_troubles{event="stale"}'] == 1

    # there is no personal data in the log and in notifications
    said = (life.folder / "log").read_text() + life.hooks.bodies
    assert not re.search(r"@example\.com|Given\d|Family\d|\b000\d\d\b", said)
    assert life.token not in said
    for name, wire in life.wires.items():
        assert max(created(wire).values()) == 1, name
    assert_exact(life, tmp_path)


def test_a_month_of_kills(life: Life, tmp_path: Path) -> None:
    chance = Random(number := seed())
    kills, wanted = 0, scaled(4, 50)
    ended = False
    while not ended:
        process = life.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "alive\n", (life.folder / "log").read_text()[-3000:]
        if kills == wanted:
            process.communicate()
            break
        try:
            process.communicate(timeout=chance.uniform(0.05, 0.6 if LONG else 1.5))
            ended = True
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
    assert process.returncode == 0, (number, (life.folder / "log").read_text()[-3000:])
    print(f"{kills} kills, at {datetime.fromisoformat((life.folder / 'clock').read_text())}")
    assert kills == wanted
    assert each(life.notified()) == each(ALERTS), number
    assert_exact(life, tmp_path)
