"""Stdout and stderr on a full disk, in a pipe that nobody reads, or closed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.office import Office, people

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")

COMMANDS = [
    "--help",
    "audit --since 3d --format html",
    "check",
    "diff a.plan a.plan",
    "explain 00001",
    "journal --json",
    "journal --format csv",
    "plan --json",
    "plan --format markdown",
    "push",
    "state export -",
    "status --json",
]
"""One for each way in which commands write to stdout."""

SAID = "stdout cannot be written: No space left on device; the output is incomplete [SYNC-0707]\n"


@pytest.fixture
def worked(office: Office) -> Office:
    """An office with a run, and the plan of another one."""
    office.hire(people(3))
    assert office.run("push").code == 0
    office.hire(people(4))
    assert office.run("plan", "--out", "a.plan").code == 0
    return office


@contextmanager
def unread_pipe() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def ran(
    office: Office, arguments: str, stdout: int, stderr: int = subprocess.PIPE, **env: str
) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "scimsync", *arguments.split()],
        cwd=office.folder,
        env=office.env() | env,
        stdout=stdout,
        stderr=stderr,
        check=False,
    )
    return done.returncode, (done.stderr or b"").decode()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_named(worked: Office, command: str) -> None:
    with FULL.open("wb") as full:
        code, err = ran(worked, command, full.fileno())

    assert code == 1
    assert err.endswith(SAID)
    assert "SYNC-0704" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS[:6])
def test_the_reader_of_a_pipe_may_stop(worked: Office, command: str) -> None:
    with unread_pipe() as pipe:
        code, err = ran(worked, command, pipe)

    assert code == 141
    assert "SYNC-07" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_error_keeps_its_exit_code(worked: Office, unbuffered: str) -> None:
    with FULL.open("wb") as full:
        code, err = ran(worked, "revert 99 --json", full.fileno(), PYTHONUNBUFFERED=unbuffered)

    assert code == 2
    assert err.startswith("there is no run 99 in the journal [SYNC-0394]\n")
    assert "Traceback" not in err


@pytest.mark.parametrize("stdout", ["full", "unread"])
def test_a_push_is_carried_out_and_notifies(worked: Office, stdout: str) -> None:
    with FULL.open("wb") as full, unread_pipe() as pipe:
        ran(worked, "push --metrics-file a.prom", full.fileno() if stdout == "full" else pipe)

    assert len(worked.accounts()) == 4
    assert "scimsync_" in (worked.folder / "a.prom").read_text()
    assert worked.run("runs", "--json").document["runs"][0]["outcome"] == "done"


def test_a_push_does_not_need_stderr(worked: Office) -> None:
    with FULL.open("wb") as full, unread_pipe() as pipe:
        assert ran(worked, "push", subprocess.PIPE, full.fileno())[0] == 0
        worked.hire(people(5))
        assert ran(worked, "push -v", subprocess.PIPE, pipe)[0] == 0

    assert len(worked.accounts()) == 5


def test_closed_streams_are_no_error(worked: Office) -> None:
    command = f"{sys.executable} -m scimsync push >&- 2>&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=worked.folder, env=worked.env(), check=False
    )

    assert done.returncode == 0
    assert len(worked.accounts()) == 4
