"""A month of a made-up company, with a real daemon whose clock is under control.

`python -m tests.daemon.month FOLDER` continues where FOLDER says that it stopped, so it may be
killed at any moment and started again. Everything happens at its time: files arrive, sync.toml
breaks and is repaired, a target is down for a day.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import time_machine

from scimsync.builtin import load
from scimsync.cli.ui.log_setup import set_up_logging
from scimsync.daemon.dependencies import Dependencies
from scimsync.daemon.jobs import Daemon
from scimsync.daemon.systemd import Systemd
from scimsync.errors import ConfigError
from tests.daemon.simulation import SteppingScheduler
from tests.fsync import skip_fsync
from tests.office import Pauses, Row, person

BERLIN = ZoneInfo("Europe/Berlin")


def day(month: int, number: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment on the clocks of Berlin, in UTC, in which adding hours adds hours."""
    return datetime(2026, month, number, hour, minute, tzinfo=BERLIN).astimezone(UTC)


START, END = day(3, 10), day(4, 11)

CONFIG = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"

[access]
Staff = "status == 'active' and start | date <= today"

[guard]
max_removals = "10%"

[targets.wiki]
url = "WIKI_URL"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
scope = "'Staff' in access"
leave = { action = "deactivate", delete_after = "10d" }

[targets.wiki.user]
externalId = "id"
userName = "email | lower"
displayName = "given ~ ' ' ~ family"
active = true
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = "dept"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = "ref(manager)"

[targets.wiki.groups.departments]
each = "dept"
displayName = "'Department ' ~ value"

[targets.crm]
url = "CRM_URL"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
scope = "'Staff' in access and dept == 'Sales'"
leave = { action = "delete" }

[targets.crm.user]
externalId = "id"
userName = "email | lower"
active = true

[schedule]
push = "30 2 * * *"
timezone = "Europe/Berlin"

[schedule.targets]
crm = "6h"

[health]
port = 0

[notify]
stale = "5d"
summary = "0 7 * * *"

[notify.to.desk]
webhook = "env:HOOK_URL"
secret = "env:HOOK_SECRET"
"""


def people(number: int) -> list[Row]:
    """Numbers 1 to `number`, all at work, a third of them in Sales."""
    return [employee(one) for one in range(1, number + 1)]


def employee(number: int, **more: str) -> Row:
    """A row of hr.csv."""
    dept = ("Sales", "IT", "Law")[number % 3]
    return (
        person(
            number,
            dept=dept,
            manager="00001" if number > 1 else "",
            status="active",
            start="2020-01-01",
        )
        | more
    )


def rows_until(moment: datetime) -> list[Row]:
    """What a sound hr.csv held last at `moment`."""
    rows = {row["id"]: row for row in people(40)}
    if moment >= day(3, 11, 10):  # two come, one moves, two swap names
        rows |= {f"{n:05}": employee(n) for n in (41, 42)}
        rows["00005"]["dept"] = "Law"
        rows["00006"]["email"], rows["00007"]["email"] = (
            rows["00007"]["email"],
            rows["00006"]["email"],
        )
    if moment >= day(3, 12, 9, 2):  # a file that was half written two minutes before
        rows["00043"] = employee(43)
    if moment >= day(3, 14, 15):  # a leaver, and a user who starts in April
        rows["00010"]["status"] = "left"
        rows["00044"] = employee(44, start="2026-04-02")
    if moment >= day(3, 17, 9):  # while the CRM is down
        rows["00045"] = employee(45, dept="Sales")
        rows["00012"]["email"] = "twelve@example.com"
    if moment >= day(3, 19, 11):
        rows["00020"]["status"] = "left"
    if moment >= day(3, 22, 10):  # and is back, elsewhere
        rows["00020"] |= {"status": "active", "dept": "Sales"}
    if moment >= day(3, 27, 16):
        del rows["00030"]
    return list(rows.values())


def text_of(rows: list[Row]) -> bytes:
    """hr.csv."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@dataclass(frozen=True)
class Event:
    """Something that happens from outside; to do it twice does no harm."""

    at: datetime
    do: Callable[[Month], None]


class Month:
    """A folder, and what happens in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics: Callable[[], bytes] = bytes

    @property
    def start(self) -> datetime:
        """When the last process stopped."""
        try:
            return datetime.fromisoformat((self.folder / "clock").read_text())
        except FileNotFoundError:
            return START

    def write(self, name: str, content: bytes) -> None:
        """A file that is there as a whole."""
        path = self.folder / f"{name}.new"
        path.write_bytes(content)
        path.replace(self.folder / name)

    # What happens

    def drop(self, content: bytes, at: datetime) -> None:
        """HR's program writes the file, of that time."""
        self.write("hr.csv", content)
        os.utime(self.folder / "hr.csv", (at.timestamp(), at.timestamp()))

    def note(self, name: str) -> None:
        """Keeps the metrics of this moment."""
        self.write(f"metrics-{name}", self.metrics())


def dropped(*moment: int) -> Event:
    """A sound file."""
    at = day(*moment)
    return Event(at, lambda month: month.drop(text_of(rows_until(at)), at))


def half(*moment: int) -> Event:
    """A file that ends in the middle of a row."""
    at = day(*moment)
    whole = text_of(rows_until(at + timedelta(minutes=2)))
    return Event(at, lambda month: month.drop(whole[: len(whole) - 40], at))


def everybody_left(*moment: int) -> Event:
    """HR's program writes another word into a column."""
    at = day(*moment)
    rows = [row | {"status": "aktiv"} for row in rows_until(at)]
    return Event(at, lambda month: month.drop(text_of(rows), at))


def edited(text: str, *moment: int) -> Event:
    """sync.toml."""
    return Event(
        day(*moment), lambda month: month.write("sync.toml", (month.folder / text).read_bytes())
    )


def down(*moment: int) -> Event:
    """The CRM does not answer any more."""
    return Event(day(*moment), lambda month: (month.folder / "down").touch())


def up(*moment: int) -> Event:
    """The CRM answers again."""
    return Event(day(*moment), lambda month: (month.folder / "down").unlink(missing_ok=True))


def noted(name: str, *moment: int) -> Event:
    """The metrics of this moment are kept."""
    return Event(day(*moment), lambda month: month.note(name))


EVENTS = sorted(
    (
        dropped(3, 11, 10),
        noted("drop", 3, 11, 11),
        half(3, 12, 9),
        noted("half", 3, 12, 9, 1),
        dropped(3, 12, 9, 2),
        noted("whole", 3, 12, 10),
        dropped(3, 14, 15),
        noted("left", 3, 14, 16),
        edited("bad.toml", 3, 16, 12),
        noted("bad", 3, 16, 12, 30),
        edited("good.toml", 3, 16, 13),
        noted("good", 3, 16, 14),
        down(3, 17, 8),
        dropped(3, 17, 9),
        noted("down", 3, 17, 22),
        up(3, 18, 8),
        noted("up", 3, 19, 10),
        dropped(3, 19, 11),
        everybody_left(3, 20, 11),
        noted("guard", 3, 20, 12),
        dropped(3, 20, 16),
        noted("free", 3, 20, 17),
        dropped(3, 22, 10),
        noted("back", 3, 22, 11),
        noted("waiting", 3, 24, 14, 59),
        noted("deleted", 3, 24, 16, 1),
        dropped(3, 27, 16),
        noted("eve", 4, 1, 23, 59),
        noted("started", 4, 2, 0, 1),
        noted("stale", 4, 2, 12),
        noted("end", 4, 10, 23),
    ),
    key=lambda event: event.at,
)
"""The first of several at one time goes first."""


class MonthScheduler(SteppingScheduler):
    """Writes the time into the folder before the daemon sees it, and after the events."""

    def __init__(self, clock: time_machine.Traveller, month: Month) -> None:
        self._folder = month
        events = [(event.at, partial(_happen, event, month)) for event in EVENTS]
        super().__init__(clock, END, [one for one in events if one[0] > month.start])

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._folder.write("clock", self.now().isoformat().encode())


def _happen(event: Event, month: Month, _scheduler: object) -> None:
    event.do(month)


def live(folder: Path) -> None:
    """Live until the month is over."""
    set_up_logging(log_format="json")
    logging.getLogger("scimsync").handlers[0].addFilter(_Clocked())
    month = Month(folder)
    hours = timedelta(hours=6)
    with skip_fsync(), time_machine.travel(month.start.timestamp(), tick=False) as clock:
        scheduler = MonthScheduler(clock, month)
        dependencies = Dependencies(
            load,
            scheduler,
            Systemd({}),
            Random(1),
            file_interval=hours,
            state_interval=hours,
            # so that retries do not wait, and the clocks of targets agree
            time=replace(Pauses().source, date=lambda _: datetime.now(UTC)),
        )
        while True:
            try:
                daemon = Daemon(folder / "sync.toml", dependencies)
                break
            except ConfigError:  # killed while sync.toml was broken: it starts once it is repaired
                scheduler.sleep(3600)
        month.metrics = daemon.probes.metrics
        scheduler.on_end = lambda: daemon.stop(15)
        print("alive", flush=True)
        daemon.run()


class _Clocked(logging.Filter):
    """Puts the simulated time into each line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.at = datetime.now(BERLIN).isoformat()
        return True


def prepare(folder: Path, wiki: str, crm: str) -> None:
    """A folder in which the month can begin."""
    good = CONFIG.replace("WIKI_URL", wiki).replace("CRM_URL", crm)
    (folder / "good.toml").write_text(good)
    (folder / "bad.toml").write_text(good.replace("userName =", "usrName ="))
    (folder / "sync.toml").write_text(good)
    Month(folder).drop(text_of(people(40)), START)


if __name__ == "__main__":
    live(Path(sys.argv[1]))
    print(json.dumps({"ended": True}))
