"""The real program: files that arrive, reloads, signals, systemd, and other active runs."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from tests.office import SOURCE, USER, Office, people, person
from tests.servers.faulty import FaultyServer

PATIENCE_S = 60.0
"""How long a test waits for a line of the log; no passing test needs that long."""


class Running:
    """A daemon in a process of its own."""

    def __init__(self, office: Office, *arguments: str, **environment: str) -> None:
        self.lines: list[str] = []
        self._rest = b""
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "scimsync", "daemon", *arguments],
            cwd=office.folder,
            env={**office.env(), **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def until(self, text: str) -> str:
        """Read up to the next line of the log with `text`, and return it."""
        assert self.process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stderr, selectors.EVENT_READ)
            while True:
                while b"\n" in self._rest:
                    line, _, self._rest = self._rest.partition(b"\n")
                    self.lines.append(line.decode())
                    if text in self.lines[-1]:
                        return self.lines[-1]
                assert selector.select(PATIENCE_S), (text, self.lines)
                read = os.read(self.process.stderr.fileno(), 65536)
                assert read, (text, self.lines)
                self._rest += read

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=PATIENCE_S)
        self.lines += (self._rest + rest).decode().splitlines()
        return self.process.returncode


@contextmanager
def running(office: Office, *arguments: str, **environment: str) -> Iterator[Running]:
    one = Running(office, *arguments, **environment)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str, host: str = "localhost") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def company(office: Office) -> Office:
    """Three users with accounts, and a sync.toml without a schedule."""
    configure(office)
    office.hire(people(3))
    assert office.run("push").code == 0
    return office


def configure(office: Office, schedule: str = "push = false", port: int = 0) -> None:
    office.configure(more=f'[schedule]\n{schedule}\nquiet = "1s"\n[health]\nport = {port}')


def drop(office: Office, count: int) -> None:
    """Rename a file into place."""
    office.hire(people(count), "new.csv")
    (office.folder / "new.csv").replace(office.folder / "hr.csv")


def test_a_new_file_is_pushed(company: Office, faulty: FaultyServer) -> None:
    with running(company) as daemon:
        daemon.until("no scheduled push")
        drop(company, 5)
        assert "run 2: wiki: 2 create" in daemon.until("create")
        assert daemon.end() == 0
    assert len(faulty.users) == 5
    assert daemon.lines[-1].endswith("info: stopped")
    ran = company.run("runs")
    assert "daemon: file" in ran.out


def test_a_file_that_arrived_while_the_daemon_was_stopped_is_pushed(
    company: Office, faulty: FaultyServer
) -> None:
    drop(company, 4)
    with running(company) as daemon:
        daemon.until("1 create")
        assert daemon.end() == 0
    assert len(faulty.users) == 4


def test_without_changes_there_are_no_requests(company: Office, faulty: FaultyServer) -> None:
    faulty.forget()
    with running(company) as daemon:
        daemon.until("no scheduled push")
        assert daemon.end(signal.SIGINT) == 0
    assert faulty.seen == []
    assert [one.split(": ", 1)[1] for one in daemon.lines] == [
        "wiki: no scheduled push",
        "stopping: finishing requests in flight",
        "stopped",
    ]


def test_sync_toml_is_reloaded_when_it_changes_and_on_sighup(company: Office) -> None:
    with running(company) as daemon:
        daemon.until("no scheduled push")
        configure(company, 'push = "0 2 * * *"')
        daemon.until("sync.toml reloaded")
        assert "02:00:00" in daemon.until("next push")

        configure(company, 'pash = "0 2 * * *"')
        daemon.until("sync.toml is invalid; the previous configuration stays in force")
        assert 'did you mean "push"?' in daemon.until("did you mean")

        configure(company)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until("sync.toml reloaded")
        drop(company, 4)
        daemon.until("1 create")
        assert daemon.end() == 0


def test_an_invalid_sync_toml_does_not_start_the_daemon(company: Office) -> None:
    configure(company, 'push = "tomorrow"')
    with running(company) as daemon:
        daemon.until(
            'sync.toml: schedule.push: "tomorrow" is neither an interval nor a cron expression of'
            " five fields"
        )
        assert daemon.process.wait(PATIENCE_S) == 2


def test_the_endpoint_answers_until_the_daemon_stops(company: Office) -> None:
    configure(company, port=(port := free_port()))
    with running(company) as daemon:
        daemon.until("no scheduled push")
        drop(company, 4)
        daemon.until("1 create")
        assert (get(port, "/healthz")[0], get(port, "/readyz")[0]) == (200, 200)
        assert get(port, "/metrics", host="evil.example.com") == (
            421,
            '{"detail":"unknown Host header; [health] hosts in sync.toml adds names"}',
        )
        status, text = get(port, "/metrics")
        assert status == 200
        assert 'scimsync_runs_total{cause="file",outcome="done"} 1.0' in text
        assert "process_resident_memory_bytes" in text

        with running(company) as second:
            second.until(f"health.port: port {port} at 127.0.0.1 is in use")
            assert second.process.wait(PATIENCE_S) == 2
        assert daemon.end() == 0
    with pytest.raises(urllib.error.URLError):
        get(port, "/healthz")


def test_sigterm_waits_for_requests_in_flight(company: Office, faulty: FaultyServer) -> None:
    answered = Event()
    faulty.fail("POST", until=answered)
    with running(company) as daemon:
        daemon.until("no scheduled push")
        drop(company, 9)
        faulty.holding.wait(PATIENCE_S)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.until("stopping")
        answered.set()
        daemon.until("stopped")
        assert daemon.process.wait(PATIENCE_S) == 0
    assert [
        entry.status for entry in company.journal() if entry.status in ("sent", "planned")
    ] == []
    company.now = datetime.now(UTC)
    assert company.push().exit_code == 0
    assert len(faulty.users) == 9


def test_a_second_signal_stops_immediately_and_loses_nothing(
    company: Office, faulty: FaultyServer
) -> None:
    faulty.fail("POST", hold=True)
    with running(company) as daemon:
        daemon.until("no scheduled push")
        drop(company, 5)
        faulty.holding.wait(PATIENCE_S)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.until("stopping")
        assert daemon.end() == -signal.SIGTERM
    with running(company) as daemon:  # finishes what was begun, though no file is new
        daemon.until("push wiki: missed or unfinished")
        daemon.until("run 3: wiki: ")
        assert daemon.end() == 0
    assert len(faulty.users) == 5


def test_the_daemon_waits_for_another_active_run(company: Office, faulty: FaultyServer) -> None:
    answered = Event()
    company.hire([person(1, dept="Law"), *people(3)[1:]])
    faulty.fail("PATCH", until=answered)
    by_hand = company.start("push")
    faulty.holding.wait(PATIENCE_S)
    with running(company) as daemon:
        daemon.until("another run is active")
        answered.set()
        by_hand.communicate()
        assert by_hand.returncode == 0
        assert daemon.end() == 0
    assert len(faulty.written()) == len(people(3)) + 1


def test_systemd_is_notified(company: Office, tmp_path_factory: pytest.TempPathFactory) -> None:
    address = str(tmp_path_factory.mktemp("s") / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(PATIENCE_S)
        with running(company, NOTIFY_SOCKET=address, WATCHDOG_USEC="200000") as daemon:
            assert listener.recv(1024) == b"READY=1\nSTATUS=watching"
            assert listener.recv(1024) == b"WATCHDOG=1"
            daemon.process.send_signal(signal.SIGHUP)
            said = [
                one
                for one in iter(lambda: listener.recv(1024), b"READY=1\nSTATUS=watching")
                if one != b"WATCHDOG=1"
            ]
            assert [one.partition(b"=")[0] for one in said] == [b"RELOADING"]
            daemon.process.send_signal(signal.SIGTERM)
            while listener.recv(1024) != b"STOPPING=1\nSTATUS=finishing requests in flight":
                pass
            assert daemon.process.wait(PATIENCE_S) == 0


def test_json_lines_name_the_run_and_contain_no_personal_data(
    company: Office, faulty: FaultyServer
) -> None:
    faulty.fail("POST", status=409, body={"detail": "person5@example.com is there already"})
    with running(company, "-v", "--log-format", "json") as daemon:
        daemon.until("no scheduled push")
        drop(company, 5)
        daemon.until("1 create, 1 failed")
        assert daemon.end() == 0
    lines = [json.loads(line) for line in daemon.lines]
    assert {line["run"] for line in lines if "POST" in line["event"]} == {2}
    operations = {entry.id for entry in company.journal()}
    assert {line["operation"] for line in lines if "POST" in line["event"]} == operations
    assert "person" not in "".join(daemon.lines).lower()
    assert company.token not in "".join(daemon.lines)


def test_personal_data_is_logged_on_request(company: Office, faulty: FaultyServer) -> None:
    with running(company, "--personal") as daemon:
        daemon.until("no scheduled push")
        company.hire([*people(4), person(4, dept="Sales")], "new.csv")
        (company.folder / "new.csv").replace(company.folder / "hr.csv")
        assert "00004" in daemon.until("neither counts")
        assert daemon.end() == 0


def test_a_changed_mapping_applies_to_the_next_push(company: Office, faulty: FaultyServer) -> None:
    """It does not start a push by itself."""
    with running(company) as daemon:
        daemon.until("no scheduled push")
        user = USER.replace("given ~ ' ' ~ family", "family ~ ', ' ~ given")
        company.configure(
            user=user,
            source=SOURCE,
            guard='max_updates = "100%"',
            more='[schedule]\npush = false\nquiet = "1s"\n[health]\nport = 0',
        )
        daemon.until("sync.toml reloaded")
        drop(company, 4)
        daemon.until("1 create, 3 update")
        assert daemon.end() == 0


def test_an_unusable_state_does_not_start_the_daemon(company: Office) -> None:
    (company.folder / "scimsync.db").write_text("this is no database")
    with running(company) as daemon:
        daemon.until("scimsync.db")
        assert daemon.process.wait(PATIENCE_S) == 1


def test_the_daemon_leaves_no_files_behind(company: Office) -> None:
    before = sorted(path.name for path in Path(company.folder).iterdir())
    with running(company) as daemon:
        daemon.until("no scheduled push")
        assert daemon.end() == 0
    assert [
        name
        for name in sorted(path.name for path in Path(company.folder).iterdir())
        if not name.endswith(("-wal", "-shm"))
    ] == [name for name in before if not name.endswith(("-wal", "-shm"))]
