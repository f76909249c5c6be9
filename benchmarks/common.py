"""What all benchmarks share: made-up people, processes that are measured, and how a figure is
printed.

A figure is a ratio to something that runs in the same minute on the same machine, so that it says
the same on another one. Each time is the best of `ROUNDS`, for whatever else a machine does only
ever adds to it.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 3
COLUMNS = (
    "employee_id",
    "email",
    "given",
    "family",
    "department",
    "title",
    "manager_id",
    "location",
    "phone",
    "status",
    "level",
    "groups",
)
SYNC_TOML = """\
[sources.hr]
type = "file"
path = "hr.csv"
key = "employee_id"
lists = {{ groups = ";" }}

[access]
Staff = "status == 'active'"
Admin = "department == 'Department 7' and level | int >= 5"

[targets.wiki]
url = "{url}"
auth = {{ type = "bearer", token = "literal:made-up" }}
scope = "'Staff' in access"

[targets.wiki.user]
externalId = "employee_id"
userName = "email"
"name.givenName" = "given"
"name.familyName" = "family"
displayName = "given ~ ' ' ~ family"
title = "title"
active = true
'emails[type eq "work"].value' = "email"
'phoneNumbers[type eq "work"].value' = "phone"
'addresses[type eq "work"].locality' = "location"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = "department"
"""
"""What maps the people to accounts; `{url}` is the target's."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that has ended: seconds, the most memory that it had resident in MB, its exit code,
    what it wrote."""

    seconds: float
    peak_mb: float
    code: int
    out: str


class Figures:
    """Prints figures and remembers whether all kept their limits. Fewer rows than the default are a
    trial: nothing is judged."""

    def __init__(self, trial: bool = False) -> None:
        self._trial = trial
        self._missed = False

    def show(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """One line: `name: value unit (limit)`."""
        limit = "no limit"
        if at_most is not None:
            limit = f"at most {at_most:g}"
        elif at_least is not None:
            limit = f"at least {at_least:g}"
        missed = (at_most is not None and value > at_most) or (
            at_least is not None and value < at_least
        )
        if self._trial:
            limit += ", not judged"
        elif missed:
            limit += ", MISSED"
            self._missed = True
        print(f"{name}: {value:,.2f}{f' {unit}' if unit else ''} ({limit})", flush=True)

    def end(self) -> None:
        """Exits with 1 where a limit was missed."""
        sys.exit(1 if self._missed else 0)


def rows_wanted(default: int, about: str | None) -> tuple[int, Figures]:
    """The number of rows that the command line asks for, by default `default`."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--rows",
        type=int,
        default=default,
        help=f"how many people (default: {default:,}); fewer are a trial",
    )
    rows: int = parser.parse_args().rows
    return rows, Figures(trial=rows < default)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is removed with all that is in it."""
    with tempfile.TemporaryDirectory(prefix="scimsync-bench-") as name:
        yield Path(name)


def write_people(path: Path, rows: int, *, moved: int = 0, backwards: bool = False) -> None:
    """Writes `rows` people. The first `moved` have another department; `backwards` has the last one
    first."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(",".join(COLUMNS) + "\n")
        for n in reversed(range(rows)) if backwards else range(rows):
            department = f"Department {n % 50}" if n >= moved else "Moved"
            stream.write(
                f"E{n:07d},person{n}@example.com,Given{n % 5000},Family{n % 20011}"
                f",{department},Title {n % 300},E{n // 10:07d},Location {n % 40}"
                f",+1 555 {n % 10000:04d} {n % 977:03d}"
                f",active,{n % 9},g{n % 30};g{n % 17};all-staff\n"
            )


def best(work: Callable[[], float], rounds: int = ROUNDS) -> float:
    """The smallest of what `work` gives."""
    return min(work() for _ in range(rounds))


def seconds_of(work: Callable[[], object]) -> float:
    """How long `work` takes, once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def csv_pass(path: Path) -> float:
    """Seconds that `csv.reader` takes for the file and nothing else: the floor of whatever Python
    does with its rows."""

    def read() -> None:
        with path.open(newline="", encoding="utf-8") as stream:
            for _ in csv.reader(stream):
                pass

    return seconds_of(read)


def run(command: Sequence[str], folder: Path | None = None) -> Ran:
    """Runs a process to its end. This process must be small: Linux counts what a child had before
    it became another program."""
    # as after an installation
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    with process.stdout as stream:
        out = stream.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    per_mb = 1024 if sys.platform != "darwin" else 1024 * 1024
    return Ran(time.perf_counter() - start, usage.ru_maxrss / per_mb, process.returncode, out)


def scimsync(folder: Path, *arguments: str, expected: int = 0) -> Ran:
    """Runs the program, start of Python and all, and makes sure that it did what it was asked."""
    ran = run([sys.executable, "-m", "scimsync", *arguments], folder)
    if ran.code != expected:
        raise SystemExit(f"scimsync {' '.join(arguments)} ended with exit code {ran.code}")
    return ran


def fastest(work: Callable[[], Ran], rounds: int = ROUNDS) -> Ran:
    """The fastest of several runs."""
    return min((work() for _ in range(rounds)), key=lambda ran: ran.seconds)
