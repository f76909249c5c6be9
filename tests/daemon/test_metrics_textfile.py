"""The textfile of a single push: totals from the journal, figures of this push, gauges."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from scimsync.daemon.metrics import PushMetrics, check_textfile, write_textfile
from scimsync.errors import ConfigError, StateError
from tests.daemon.test_metrics import samples
from tests.office import Office, people
from tests.servers.faulty import FaultyServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "node_exporter"
    folder.mkdir()
    return folder / "scimsync.prom"


def one_push() -> PushMetrics:
    """Metrics of a process that pushed once, with one request."""
    metrics = PushMetrics()
    metrics.record_request("wiki", "GET", 200, 0.05)
    metrics.record_run("command", "done", 3.0)
    return metrics


def read(file: Path) -> dict[str, float]:
    return samples(file.read_bytes())


def push(office: Office, file: Path, code: int = 0) -> dict[str, float]:
    """`scimsync push --metrics-file`, and what the file contains afterwards."""
    ran = office.run("-q", "push", "--metrics-file", str(file))
    assert ran.code == code, ran.err
    return read(file)


def operations(found: dict[str, float], outcome: str) -> float:
    return found[f'scimsync_operations_total{{action="create",outcome="{outcome}",target="wiki"}}']


def runs(found: dict[str, float], outcome: str) -> float:
    return found[f'scimsync_runs_total{{cause="command",outcome="{outcome}"}}']


def posts(found: dict[str, float], status: int) -> float:
    name = f'scimsync_requests_total{{method="POST",status="{status}",target="wiki"}}'
    return found.get(name, 0)


def test_totals_grow_from_push_to_push_and_requests_are_those_of_the_last(
    office: Office, faulty: FaultyServer, file: Path
) -> None:
    office.hire(people(4))
    first = push(office, file)
    assert (operations(first, "applied"), runs(first, "done"), posts(first, 201)) == (4, 1, 4)

    faulty.fail("POST", status=400, times=2)
    office.hire(people(9))
    second = push(office, file, code=4)
    assert (operations(second, "applied"), operations(second, "failed")) == (7, 2)
    assert (runs(second, "done"), runs(second, "failed")) == (1, 1)
    assert (posts(second, 201), posts(second, 400)) == (3, 2)
    assert second['scimsync_request_duration_seconds_count{method="POST",target="wiki"}'] == 5
    assert second['scimsync_run_duration_seconds_count{cause="command"}'] == 1
    assert second['scimsync_accounts{kind="user",status="active",target="wiki"}'] == 7

    (office.folder / "hr.csv").unlink()
    third = push(office, file, code=1)  # no run starts
    assert (runs(third, "failed"), operations(third, "applied"), posts(third, 201)) == (1, 7, 0)
    assert third['scimsync_troubles{event="source"}'] == 1
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_every_total_exists_from_the_first_push(office: Office, file: Path) -> None:
    """increase() sees a step from 0 to 1, but not one from nothing to 1."""
    office.hire(people(1))
    found = push(office, file)

    assert operations(found, "failed") == 0
    assert len([name for name in found if name.startswith("scimsync_runs_total")]) == 5 * 6


def test_a_deleted_file_loses_no_total(office: Office, file: Path) -> None:
    office.hire(people(2))
    push(office, file)
    file.unlink()

    assert (runs(push(office, file), "done"), operations(read(file), "applied")) == (2, 2)


def test_pruning_the_journal_makes_totals_smaller(office: Office, file: Path) -> None:
    office.hire(people(2))
    push(office, file)
    office.now = office.now.replace(year=office.now.year + 1)
    assert office.run("state", "prune", "--keep", "30d").code == 0

    assert runs(push(office, file), "done") <= 2


def test_node_exporter_can_read_the_file_whatever_the_umask(file: Path) -> None:
    before = os.umask(0o077)
    try:
        write_textfile(file, one_push())
    finally:
        os.umask(before)

    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_the_process_is_not_in_the_file(file: Path) -> None:
    write_textfile(file, one_push())

    assert "process_" not in file.read_text()


def test_readers_see_a_whole_file(file: Path) -> None:
    write_textfile(file, one_push())
    ended = threading.Event()
    seen: set[bytes] = set()

    def look() -> None:
        while not ended.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(50):
        write_textfile(file, one_push())
    ended.set()
    reader.join()

    assert seen == {file.read_bytes()}


def test_a_collector_that_fails_leaves_the_file_as_it_was(file: Path) -> None:
    write_textfile(file, one_push())
    before = file.read_bytes()

    def collect() -> list[object]:
        raise StateError("scimsync.db: the state cannot be read", code="SYNC-0607")

    metrics = one_push()
    metrics.add_collector(collect)  # type: ignore[arg-type]
    with pytest.raises(StateError):
        write_textfile(file, metrics)

    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.prom").mkdir()
    (tmp_path / "text").write_text("")
    os.mkfifo(tmp_path / "pipe.prom")
    for path, why in (
        (tmp_path / "nowhere" / "scimsync.prom", "no such file or directory"),
        (tmp_path / "text" / "scimsync.prom", "not a directory"),
        (tmp_path / "folder.prom", "it is not a regular file"),
        (tmp_path / "pipe.prom", "it is not a regular file"),
    ):
        with pytest.raises(ConfigError) as raised:
            write_textfile(path, one_push())
        assert raised.value.message == f"{path}: cannot write metrics: {why}"
        with pytest.raises(ConfigError, match=str(path)):
            check_textfile(path)


def test_a_source_file_named_by_mistake_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "hr.csv"
    path.write_text("id\n1\n")

    attempts: list[Callable[[Path], None]] = [
        check_textfile,
        partial(write_textfile, metrics=one_push()),
    ]
    for attempt in attempts:
        with pytest.raises(ConfigError, match=r"hr\.csv: a metrics file must end in") as raised:
            attempt(path)

    assert raised.value.hint == "node_exporter reads no other files: hr.prom"
    assert path.read_text() == "id\n1\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_reported_before_and_after(file: Path) -> None:
    file.parent.chmod(0o555)
    with pytest.raises(ConfigError, match="the folder is not writable"):
        check_textfile(file)
    with pytest.raises(ConfigError, match="permission denied"):
        write_textfile(file, one_push())


def test_checking_a_path_writes_nothing(file: Path) -> None:
    check_textfile(file)
    assert not file.exists()
    write_textfile(file, one_push())
    check_textfile(file)


def test_without_prometheus_client_the_check_before_the_run_fails(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(ConfigError, match="prometheus-client is not installed"):
        check_textfile(file)

    assert not file.exists()


def test_totals_include_the_runs_of_a_daemon_by_their_cause(office: Office, file: Path) -> None:
    office.hire(people(1))
    push(office, file)
    office.sql("update run set command = 'daemon: file'")

    found = push(office, file)

    assert found['scimsync_runs_total{cause="file",outcome="done"}'] == 1
    assert runs(found, "done") == 1
