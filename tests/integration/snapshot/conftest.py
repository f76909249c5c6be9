"""A source in a folder, and a dictionary in place of the state database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scimsync.model.records import NO_UNUSABLE_KEYS, UnusableKeys
from scimsync.snapshot import Comparison, compare
from scimsync.snapshot.index import StoredSnapshot
from tests.error_text import text_of
from tests.file_sources import FileSpec, file_spec


@dataclass
class Outcome:
    """What one comparison said."""

    new: dict[str, Any]
    changed: dict[str, Any]
    gone: list[str]
    total: int
    previous: int
    unchanged: bool
    problems: list[tuple[int | None, str | None, str]]
    unusable: UnusableKeys = NO_UNUSABLE_KEYS

    @property
    def nothing(self) -> bool:
        return not (self.new or self.changed or self.gone)


@dataclass
class World:
    """Files in `folder`, records in `stored`."""

    folder: Path
    spec: FileSpec
    columns: Sequence[str] = ("name", "dept")
    stored: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)
    head_seq: int = 0
    digest: str | None = None
    rebuilt: int = 0
    while_it_is_read: Callable[[], None] = lambda: None

    @property
    def index(self) -> Path:
        return self.folder / "hr.index.duckdb"

    def write(self, text: str, name: str = "hr.csv") -> None:
        (self.folder / name).write_bytes(text.encode())

    def rebuild(self) -> Iterator[tuple[str, str]]:
        self.rebuilt += 1
        self.while_it_is_read()
        yield from self.stored.items()

    def compare(self) -> Comparison:
        snapshot = StoredSnapshot(
            self.index, self.rebuild, self.head_seq, self.digest, self.removed.items
        )
        return compare(self.spec, self.columns, snapshot)

    def plan(self) -> Outcome:
        """Look, store nothing."""
        with self.compare() as comparison:
            return self._outcome(comparison)

    def push(self, text: str | None = None) -> Outcome:
        """Look and store, as a push does: records first, the index after them."""
        if text is not None:
            self.write(text)
        with self.compare() as comparison:
            outcome = self._outcome(comparison)
            for batch in comparison.changes(2):
                for change in batch:
                    if change.data_json is None:
                        self.removed[change.key] = self.stored.pop(change.key)
                    else:
                        self.stored[change.key] = change.data_json
            self.digest = comparison.digest
            if not outcome.nothing:
                self.head_seq += 1
            assert comparison.commit_index(self.head_seq)
        return outcome

    @staticmethod
    def _outcome(comparison: Comparison) -> Outcome:
        changes = [change for batch in comparison.changes(3) for change in batch]
        assert [change.key for change in changes] == sorted(change.key for change in changes)
        new = {
            str(c.key): json.loads(c.data_json)
            for c in changes
            if c.new and c.data_json is not None
        }
        changed = {
            str(c.key): json.loads(c.data_json)
            for c in changes
            if not c.new and c.data_json is not None
        }
        gone = [str(c.key) for c in changes if c.data_json is None]
        assert (len(new), len(changed), len(gone)) == (
            comparison.new,
            comparison.changed,
            comparison.gone,
        )
        problems = [
            (problem.line, problem.key, text_of(problem.detail)) for problem in comparison.problems
        ]
        return Outcome(
            new,
            changed,
            gone,
            comparison.total,
            comparison.previous,
            comparison.unchanged,
            problems,
            comparison.unusable,
        )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A source `hr` with the key `id`. Whatever is left in the folder for temporary files fails the
    test."""
    (tmp_path / "source").mkdir()
    return World(tmp_path / "source", file_spec(tmp_path / "source"))


@pytest.fixture(autouse=True)
def nothing_is_left(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Copies of personal data are gone after each comparison."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []
