"""A file is reported once, when it is complete: renamed into place, or unchanged for a while."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scimsync.daemon.file_watch import FileWatch
from scimsync.sources import has_writer
from tests.file_sources import file_spec

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
QUIET = timedelta(seconds=2)


class Scene:
    """A folder with hr.csv, watched once a second."""

    def __init__(
        self,
        folder: Path,
        *some: str,
        known: bool = True,
        is_written: Callable[[Path], bool] = has_writer,
    ) -> None:
        self.file = folder / "hr.csv"
        self.file.write_text("id\n1\n")
        self.now = START
        self.watch = FileWatch(QUIET, is_written)
        self.watch.add("hr", folder, some or ("hr.csv",), known=known)

    def seconds(self, number: int) -> list[int]:
        """In which of the next seconds it is reported."""
        reported = []
        for second in range(1, number + 1):
            self.now += timedelta(seconds=1)
            reported += [second] * len(self.watch.look(self.now))
        return reported


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_an_unchanged_file_is_not_reported(scene: Scene) -> None:
    assert scene.seconds(60) == []


def test_an_unknown_file_is_reported_once(tmp_path: Path) -> None:
    assert Scene(tmp_path, known=False).seconds(60) == [3]


def test_a_file_renamed_into_place_is_reported_within_five_seconds(
    scene: Scene, tmp_path: Path
) -> None:
    scene.seconds(5)
    (tmp_path / "hr.new").write_text("id\n1\n2\n")
    (tmp_path / "hr.new").replace(scene.file)
    (when,) = scene.seconds(30)
    assert when <= 5


def test_a_growing_file_is_reported_when_it_is_complete(tmp_path: Path) -> None:
    scene = Scene(tmp_path, is_written=lambda _: False)  # as where the system cannot tell
    for number in range(20):
        with scene.file.open("a") as stream:
            stream.write(f"{number}\n")
        assert scene.seconds(1) == []
    assert scene.seconds(10) == [2]


def test_a_file_that_is_open_for_writing_is_not_reported(scene: Scene) -> None:
    with scene.file.open("a") as stream:
        stream.write("half of a ro")
        stream.flush()
        assert scene.seconds(600) == []
        stream.write("w\n")
    assert scene.seconds(10) == [3]


def test_a_reader_is_not_a_writer(scene: Scene) -> None:
    with scene.file.open("rb"):
        assert not has_writer(scene.file)
    assert not has_writer(scene.file.with_name("missing"))


def test_looking_for_a_writer_does_not_disturb_it(scene: Scene) -> None:
    for _ in range(200):
        assert not has_writer(scene.file)
        with scene.file.open("a") as stream:
            assert has_writer(scene.file)
            stream.write("1\n")


def test_a_file_that_disappears_is_reported_when_it_is_back(scene: Scene) -> None:
    scene.file.unlink()
    assert scene.seconds(30) == []
    scene.file.write_text("id\n2\n")
    assert scene.seconds(30) == [3]


def test_a_pattern_is_reported_when_all_its_files_are_complete(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path,
        "hr*.csv",
        is_written=lambda path: path.name == "hr-2.csv" and not (tmp_path / "done").exists(),
    )
    (tmp_path / "hr-2.csv").write_text("id\n3\n")
    assert scene.seconds(60) == []
    assert scene.watch.incomplete_since("hr") is not None
    (tmp_path / "done").touch()
    assert scene.seconds(10) == [1]
    assert scene.watch.incomplete_since("hr") is None


def test_files_of_a_query_are_watched(tmp_path: Path) -> None:
    query = "select * from 'a.csv' join 'parts-*.csv' using (id)"
    assert file_spec(tmp_path, query=query).watch() == ("a.csv", "parts-*.csv")


def test_a_clock_that_is_set_back_only_delays(scene: Scene) -> None:
    scene.file.write_text("id\n9\n")
    scene.seconds(1)
    scene.now -= timedelta(hours=1)
    assert scene.seconds(10) == [3]


def test_the_age_of_a_source_is_that_of_its_newest_file(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "hr*.csv")
    (tmp_path / "hr-2.csv").write_text("id\n3\n")
    os.utime(scene.file, (1_000_000_000, 1_000_000_000))
    os.utime(tmp_path / "hr-2.csv", (1_000_000_500, 1_000_000_500))
    scene.seconds(1)
    assert scene.watch.changed_at() == {"hr": datetime.fromtimestamp(1_000_000_500, UTC)}


def test_the_next_look_is_when_a_changed_file_may_be_complete(scene: Scene) -> None:
    scene.seconds(5)
    assert scene.watch.next_look(scene.now) is None
    scene.file.write_text("id\n2\n")
    scene.seconds(1)
    assert scene.watch.next_look(scene.now) == scene.now + QUIET


def test_a_file_is_missing_after_a_while(scene: Scene) -> None:
    scene.file.unlink()
    scene.seconds(61)
    assert scene.watch.missing(scene.now, timedelta(minutes=1)) == []
    scene.seconds(1)
    assert scene.watch.missing(scene.now, timedelta(minutes=1)) == ["hr"]


def test_a_new_watch_continues_from_the_old_one(scene: Scene, tmp_path: Path) -> None:
    scene.file.write_text("id\n2\n")
    scene.seconds(2)
    new = FileWatch(QUIET)
    new.add("hr", tmp_path, ("hr.csv",), known=True)
    new.continue_from(scene.watch)
    assert new.look(scene.now + timedelta(seconds=1)) == ["hr"]
