"""The file of one-off pushes for node_exporter: its counters go on growing, whatever happens
between two pushes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scimsync.execute
from scimsync.config import load
from scimsync.daemon.metrics import Figures, check_textfile, standing, write_textfile
from scimsync.errors import ConfigError
from scimsync.model.operations import OperationFilter
from scimsync.state import journal
from scimsync.state.store import open_state
from tests.daemon.test_metrics import buckets, samples
from tests.office import Office, people
from tests.servers.faulty import FaultyServer

DONE = 'scimsync_runs_total{cause="command",outcome="done"}'
GETS = 'scimsync_requests_total{method="GET",status="200",target="wiki"}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "node_exporter"
    folder.mkdir()
    return folder / "scimsync.prom"


def one_run(seconds: float = 3.0) -> Figures:
    """The figures of a process that pushed once, with one request."""
    figures = Figures()
    figures.request("wiki", "GET", 200, 0.05)
    figures.run("command", "done", seconds)
    return figures


def read(file: Path) -> dict[str, float]:
    return samples(file.read_bytes())


def push(office: Office, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `push --metrics-file` does, with figures of its own as in a process of its own."""
    figures = Figures()
    monkeypatch.setattr("tests.office.push", partial(scimsync.run.push, observe=figures.request))
    outcome = office.push(later=timedelta(hours=1))
    config = load(office.folder / "sync.toml")
    with closing(open_state(office.state_url, office.folder, create=False)) as store:
        with store.read() as connection:
            counts = journal.count(connection, OperationFilter(run=outcome.run, target="wiki"))
        figures.operations("wiki", counts)
        figures.run("command", outcome.outcome, 2.0)
        write_textfile(file, figures, standing(config, store, office.now, {}))


def test_counters_grow_over_pushes_and_gauges_say_how_it_stands(
    office: Office, faulty: FaultyServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def created(outcome: str) -> str:
        return f'scimsync_operations_total{{action="create",outcome="{outcome}",target="wiki"}}'

    office.hire(people(4))
    push(office, file, monkeypatch)
    first = read(file)
    assert (first[created("applied")], first[DONE]) == (4, 1)

    faulty.fail("POST", status=400, times=2)
    office.hire(people(9))
    push(office, file, monkeypatch)
    second = read(file)
    assert (
        second[created("applied")],
        second[created("failed")],
        second['scimsync_failing{target="wiki"}'],
    ) == (7, 2, 2)
    assert (second[DONE], second['scimsync_runs_total{cause="command",outcome="failed"}']) == (1, 1)

    office.now += timedelta(days=1)
    push(office, file, monkeypatch)
    third = read(file)
    assert (
        third[created("applied")],
        third[created("failed")],
        third['scimsync_failing{target="wiki"}'],
    ) == (9, 2, 0)
    assert (third[DONE], third['scimsync_runs_total{cause="command",outcome="failed"}']) == (2, 1)
    assert third['scimsync_accounts{kind="user",status="active",target="wiki"}'] == 9
    posts = len([one for one in faulty.seen if one.method == "POST"])
    assert posts == 9 + 2
    assert third['scimsync_requests_total{method="POST",status="201",target="wiki"}'] == 9
    assert third['scimsync_requests_total{method="POST",status="400",target="wiki"}'] == 2
    assert third['scimsync_request_duration_seconds_count{method="POST",target="wiki"}'] == posts
    steps = buckets(third, "scimsync_run_duration_seconds_bucket")
    assert steps == [0, 0] + [3] * 13
    assert third['scimsync_run_duration_seconds_sum{cause="command"}'] == 6
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_node_exporter_may_read_the_file_whatever_the_umask_is(file: Path) -> None:
    before = os.umask(0o077)
    try:
        write_textfile(file, one_run(), [])
    finally:
        os.umask(before)

    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_what_is_not_of_this_process_is_not_told(file: Path) -> None:
    write_textfile(file, one_run(), [])

    assert "process_" not in file.read_text()


OTHER = [
    b"",
    b"\x00\xff not text",
    b"id,email\n1,a@example.com\n",
    b"# TYPE node_load1 gauge\nnode_load1 0.5\n",
    b'scimsync_runs_total{cause="command",outcome="done"} lots\n',
    b'scimsync_runs_total{cause="command",outcome="done"} NaN\n',
    b'scimsync_runs_total{cause="command",outcome="done"} -3\n',
    b'scimsync_runs_total{cause="command",outcome="done",host="a"} 3\n',
    b"scimsync_runs_total 3\n",
]


@pytest.mark.parametrize("content", OTHER)
def test_counters_begin_anew_where_the_file_holds_something_else(
    file: Path, content: bytes
) -> None:
    file.write_bytes(content)

    write_textfile(file, one_run(), [])

    found = read(file)
    assert (found[DONE], found[GETS]) == (1, 1)
    assert found['scimsync_run_duration_seconds_count{cause="command"}'] == 1
    assert "node_load1" not in found


def test_a_file_that_was_cut_off_anywhere_stops_nothing(file: Path) -> None:
    write_textfile(file, one_run(), [])
    whole = file.read_bytes()

    for length in range(0, len(whole), 31):
        file.write_bytes(whole[:length])
        write_textfile(file, one_run(), [])
        assert read(file)[DONE] in (1, 2)


def test_a_histogram_of_a_version_with_other_buckets_begins_anew_and_the_rest_goes_on(
    file: Path,
) -> None:
    write_textfile(file, one_run(), [])
    file.write_text(
        file.read_text().replace('{cause="command",le="5.0"}', '{cause="command",le="4.0"}')
    )

    write_textfile(file, one_run(), [])

    found = read(file)
    assert (found[DONE], found[GETS]) == (2, 2)
    assert found['scimsync_run_duration_seconds_count{cause="command"}'] == 1
    assert found['scimsync_request_duration_seconds_count{method="GET",target="wiki"}'] == 2


def test_counts_that_shrink_from_one_bucket_to_the_next_are_not_ours(file: Path) -> None:
    write_textfile(file, one_run(), [])
    file.write_text(
        file.read_text().replace('{cause="command",le="5.0"} 1.0', '{cause="command",le="5.0"} 9.0')
    )

    write_textfile(file, one_run(), [])

    assert (read(file)[DONE], buckets(read(file), "scimsync_run_duration_seconds_bucket")) == (
        1,
        [0, 0, 0] + [1] * 12,
    )


@given(st.binary(max_size=200), st.integers(0, 3000))
def test_no_content_makes_it_fail(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "noise.prom"
    file.unlink(missing_ok=True)
    write_textfile(file, one_run(), [])
    whole = file.read_bytes()
    file.write_bytes(whole[:place] + noise + whole[place:])

    write_textfile(file, one_run(), [])

    assert read(file)[DONE] >= 1


def test_pushes_that_end_at_once_lose_nothing(file: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from scimsync.daemon.metrics import Figures,"
        " write_textfile\nfor _ in range(40):\n    figures = Figures(); figures.run('command',"
        " 'done', 3.0)\n    write_textfile(Path(sys.argv[1]), figures, [])\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(file)]) for _ in range(2)]
    with ThreadPoolExecutor(4) as threads:
        for ended in [threads.submit(write_textfile, file, one_run(), []) for _ in range(40)]:
            ended.result()
    assert [process.wait() for process in processes] == [0, 0]

    assert read(file)[DONE] == 120
    assert read(file)['scimsync_run_duration_seconds_count{cause="command"}'] == 120


def test_who_reads_meanwhile_sees_a_whole_file(file: Path) -> None:
    write_textfile(file, one_run(), [])
    ended = threading.Event()
    seen: set[bytes] = set()

    def look() -> None:
        while not ended.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(50):
        write_textfile(file, one_run(), [])
    ended.set()
    reader.join()

    assert {content[-1:] for content in seen} == {b"\n"}
    assert {len(samples(content)) for content in seen} == {len(read(file))}


def test_what_a_killed_push_left_half_written_is_in_nobodys_way(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_textfile(file, one_run(), [])
    beside = file.with_name(f".{file.name}.new")
    beside.write_text("half of")
    beside.chmod(0o000)

    write_textfile(file, one_run(), [])

    assert (read(file)[DONE], beside.exists()) == (2, False)


def test_a_disk_that_is_full_leaves_the_file_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_textfile(file, one_run(), [])
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="no space left on device"):
        write_textfile(file, one_run(), [])

    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.prom").mkdir()
    (tmp_path / "text").write_text("")
    os.mkfifo(tmp_path / "pipe.prom")
    for path, why in (
        (tmp_path / "nowhere" / "scimsync.prom", "no such file or directory"),
        (tmp_path / "text" / "scimsync.prom", "not a directory"),
        (tmp_path / "folder.prom", "there is something that is no file"),
        (tmp_path / "pipe.prom", "there is something that is no file"),
    ):
        with pytest.raises(ConfigError) as raised:
            write_textfile(path, one_run(), [])
        assert raised.value.message == f"{path}: metrics cannot be written: {why}"
        with pytest.raises(ConfigError, match=str(path)):
            check_textfile(path)


def test_a_file_of_people_named_by_mistake_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "hr.csv"
    path.write_text("id\n1\n")

    for attempt in (check_textfile, partial(write_textfile, figures=one_run(), gauges=[])):
        with pytest.raises(ConfigError, match=r"hr\.csv: metrics go into a file \.prom") as raised:
            attempt(path)

    assert raised.value.hint == "node_exporter reads no others: hr.prom"
    assert path.read_text() == "id\n1\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_said_before_and_after(file: Path) -> None:
    file.parent.chmod(0o555)
    with pytest.raises(ConfigError, match="its folder may not be written to"):
        check_textfile(file)
    with pytest.raises(ConfigError, match="permission denied"):
        write_textfile(file, one_run(), [])


def test_a_place_that_can_be_written_is_checked_in_silence(file: Path) -> None:
    check_textfile(file)
    assert not file.exists()
    write_textfile(file, one_run(), [])
    check_textfile(file)


def test_without_prometheus_client_it_is_said_before_the_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    for attempt in (check_textfile, partial(write_textfile, figures=one_run(), gauges=[])):
        with pytest.raises(ConfigError, match="needs prometheus-client"):
            attempt(file)

    assert not file.exists()
