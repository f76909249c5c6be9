"""A made-up company in a folder: its people, its sync.toml, its state; and scimsync at work on
them.

`Office.push` and `Office.plan` call what commands call; `Office.run` is the whole command line with
its exit code and output. All three run in this process, with a clock of their own and without any
waiting. `Office.start` starts the real program.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import chdir, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from scimsync.builtin import load
from scimsync.cli import main
from scimsync.model.ids import Key, Kind
from scimsync.model.limits import Limit, Minimum
from scimsync.model.links import Link
from scimsync.model.operations import JournaledOperation, OperationFilter
from scimsync.plan import Now
from scimsync.plan.guard import Allowance
from scimsync.plan.render.json import planned_document
from scimsync.run import Options, RunOutcome, plan, push
from scimsync.run.compile import compile_config
from scimsync.run.lease_keeper import steady_clock
from scimsync.run.options import MOST_READ, PATIENCE_S
from scimsync.state import operation_journal, run_rows
from scimsync.state.link_store import all_keys, get_links
from scimsync.state.store import open_state
from scimsync.transport.retry_policy import TimeSource

Row = dict[str, str]
Json = dict[str, Any]

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)

SOURCE = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
"""

USER = f"""
externalId = "id"
userName = "email | lower"
"name.givenName" = "given"
"name.familyName" = "family"
displayName = "given ~ ' ' ~ family"
active = true
'emails[type eq "work"].value' = "email | lower"
'emails[type eq "work"].primary' = true
"{ENTERPRISE}:department" = "dept"
"""

MANAGER = f'"{ENTERPRISE}:manager.value" = "ref(manager)"\n'
"""A line of the mapping."""


def person(number: int, **more: str) -> Row:
    """One row of hr.csv."""
    row = {
        "id": f"{number:05}",
        "email": f"Person{number}@example.com",
        "given": f"Given{number}",
        "family": f"Family{number}",
        "dept": "IT",
        "manager": "",
    }
    return row | more


def people(count: int) -> list[Row]:
    """Numbers 1 to `count`."""
    return [person(number) for number in range(1, count + 1)]


def resource(row: Row, *, active: bool = True) -> Json:
    """What a target should hold for a row, but for id and meta."""
    name = row["email"].lower()
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": row["id"],
        "userName": name,
        "name": {"givenName": row["given"], "familyName": row["family"]},
        "displayName": f"{row['given']} {row['family']}",
        "active": active,
        "emails": [{"type": "work", "value": name, "primary": True}],
        ENTERPRISE: {"department": row["dept"]},
    }


def bare(user: Json) -> Json:
    """A resource without what the target adds."""
    return {name: value for name, value in user.items() if name not in ("id", "meta")} | {
        "schemas": sorted(user["schemas"])
    }


def allowance(*, new_url: bool = False, **allowed: int | str) -> Allowance:
    """What `--allow-removals 7` and the like lift: `removals=7`."""
    limits: dict[str, Limit] = {}
    for what, amount in allowed.items():
        kind, setting = (Minimum, "min_records") if what == "records" else (Limit, f"max_{what}")
        limit = kind.parse(str(amount))
        assert limit is not None
        limits[setting] = limit
    return Allowance(limits, new_url)


@dataclass(frozen=True)
class Ran:
    """What the program said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Office:
    """`url` and `token` are the target's; `state` is the URL of the state database, None for the
    default; `now` is the time for everything that runs in this process, and `time` is what it waits
    by between requests, by default without sleeping; `steady` is a clock that nobody can set;
    `date` reads the Date headers of targets, by default as if their clocks showed `now`."""

    folder: Path
    url: str
    token: str
    now: datetime = MONDAY
    state: str | None = None
    time: TimeSource = field(default_factory=lambda: Pauses().source)
    steady: Callable[[], float] = steady_clock
    date: Callable[[str | None], datetime | None] | None = None

    # What is written

    def configure(
        self,
        *,
        user: str = USER,
        target: str = "",
        source: str = SOURCE,
        guard: str = "",
        more: str = "",
        url: str | None = None,
    ) -> None:
        """Writes sync.toml: `target` are further lines of [targets.wiki], `more` whole further
        tables."""
        if self.state is not None and "[state]" not in more:
            source = f'[state]\nurl = "{self.state}"\n{source}'
        self.write(
            "sync.toml",
            f"""
{source}
[guard]
{guard}
[targets.wiki]
url = "{url or self.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
{target}
[targets.wiki.user]
{user}
{more}
""",
        )

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")

    def hire(self, rows: Iterable[Row], name: str = "hr.csv") -> None:
        """Writes the people."""
        rows = list(rows)
        with (self.folder / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]) if rows else list(person(1)))
            writer.writeheader()
            writer.writerows(rows)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Looks at the state database, or changes it behind scimsync's back."""
        if self.state is not None:
            import psycopg

            with psycopg.connect(self.state) as server:
                cursor = server.execute(statement.replace("?", "%s"), values)
                return cursor.fetchall() if cursor.description is not None else []
        with closing(sqlite3.connect(self.folder / "scimsync.db")) as connection, connection:
            return connection.execute(statement, values).fetchall()

    @property
    def state_url(self) -> str:
        return (
            "sqlite:///scimsync.db"
            if self.state is None
            else self.state.replace("postgresql:", "postgresql+psycopg:")
        )

    # scimsync in this process

    def push(
        self,
        *keys: str,
        later: timedelta = timedelta(),
        insistent: bool = False,
        wait: bool = False,
        new_url: bool = False,
        patience_s: float = PATIENCE_S,
        refresh: bool = False,
        **allowed: int | str,
    ) -> RunOutcome:
        """Pushes, `later` than the push before; `allowed` are `--allow-…` without that."""
        self.now += later
        os.environ["WIKI_TOKEN"] = self.token
        config = load(self.folder / "sync.toml")
        with closing(open_state(config.state_url, config.base_dir, create=True)) as store:
            return push(
                compile_config(config),
                store,
                Options(
                    keys=tuple(map(Key, keys)),
                    allowance=allowance(new_url=new_url, **allowed),
                    insistent=insistent,
                    patience_s=patience_s,
                    refresh=refresh,
                ),
                Now(self.now, self.now.date()),
                _silent,
                command="push",
                clock=lambda: self.now,
                wait=wait,
                time=self.waits,
                steady=self.steady,
            )

    def push_twice(self, later: timedelta = timedelta()) -> RunOutcome:
        """Pushes, and pushes again an hour later: a deletion that is due needs both."""
        assert "delete" not in counts(self.push(later=later))
        return self.push(later=timedelta(hours=1))

    def plan(
        self, *keys: str, target: str = "wiki", offline: bool = False, most_read: int = MOST_READ
    ) -> list[Json]:
        """The operations of a plan; those that could not be planned are not among them. A guard
        fails the test."""
        os.environ["WIKI_TOKEN"] = self.token
        config = load(self.folder / "sync.toml")
        options = Options(keys=tuple(map(Key, keys)), offline=offline, most_read=most_read)
        with (
            closing(open_state(config.state_url, config.base_dir, create=False)) as store,
            plan(
                compile_config(config, secrets=not offline),
                store,
                options,
                Now(self.now, self.now.date()),
                _silent,
                time=self.waits,
            ) as prepared,
        ):
            assert prepared.plan.guard is None
            if (planned := prepared.plan.targets[target]).error is not None:
                raise planned.error
            return [planned_document(one) for one in planned.shown_requests()]

    @property
    def waits(self) -> TimeSource:
        """What targets wait by, with the clocks of targets."""
        return replace(self.time, date=self.date or (lambda _: self.now))

    def links(self, target: str = "wiki") -> dict[str, Link]:
        """Key -> link."""
        with (
            closing(open_state(self.state_url, self.folder, create=False)) as store,
            store.read() as connection,
        ):
            return {
                key: link
                for kind in Kind
                for key, link in get_links(
                    connection, target, kind, all_keys(connection, target, kind)
                ).items()
            }

    def journal(self, run: int | None = None) -> list[JournaledOperation]:
        """The operations of a run (by default the last), in the order in which they were sent."""
        with (
            closing(open_state(self.state_url, self.folder, create=False)) as store,
            store.read() as connection,
        ):
            last = run_rows.last(connection, 1)[0].id if run is None else run
            return list(operation_journal.find(connection, OperationFilter(run=last)))

    # The program

    def run(self, *arguments: str) -> Ran:
        """Runs the command line `scimsync ARGUMENTS` in the folder."""
        out, err = _Written(), _Written()
        with (
            chdir(self.folder),
            patch.dict(os.environ, self.env()),
            patch.object(sys, "stdout", out),
            patch.object(sys, "stderr", err),
            pytest.raises(SystemExit) as ended,
        ):
            main(arguments, clock=lambda: self.now, time=self.waits)
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, out.text(), err.text())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts the program in a process of its own and does not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "scimsync", *arguments],
            cwd=self.folder,
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def env(self) -> dict[str, str]:
        """The environment of the program."""
        return {**os.environ, "WIKI_TOKEN": self.token, "COLUMNS": "200"}

    # The target

    def accounts(self) -> dict[str, Json]:
        """All accounts at the target, by userName, read page by page without scimsync."""
        return read_accounts(self.url, self.token)


def read_accounts(url: str, token: str) -> dict[str, Json]:
    """userName -> resource."""
    found: list[Json] = []
    while True:
        page = fetch(f"{url}/Users?startIndex={len(found) + 1}&count=500", token)
        found += page.get("Resources", [])
        if len(found) >= page["totalResults"]:
            assert len({one["userName"] for one in found}) == len(found)
            return {one["userName"]: one for one in found}


def fetch(url: str, token: str, body: Mapping[str, Any] | None = None) -> Json:
    """GET, or POST where there is a body."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    request = urllib.request.Request(
        url, None if body is None else json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request) as answer:
        read: Json = json.load(answer)
        return read


def counts(outcome: RunOutcome, target: str = "wiki") -> dict[str, int]:
    """Applied operations by action."""
    return dict(outcome.targets[target].counts)


def actions(operations: Sequence[Json]) -> dict[str, str]:
    """Key -> action of a plan in which nobody has two operations."""
    assert len({one["key"] for one in operations}) == len(operations)
    return {one["key"]: one["action"] for one in operations}


class _Written(io.TextIOWrapper):
    """A stream that keeps what is written to it, as bytes and as text."""

    def __init__(self) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, "utf-8", write_through=True)

    def text(self) -> str:
        return self.kept.getvalue().decode()


def _silent(name: str, what: str, number: int, total: int | None = None) -> None:
    pass


class Pauses(list[float]):
    """Seconds that were slept, without sleeping: `clock` is ahead by them."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)

    def clock(self) -> float:
        return time.monotonic() + sum(self)

    @property
    def source(self) -> TimeSource:
        """What targets wait by."""
        return TimeSource(self.sleep, self.clock)
