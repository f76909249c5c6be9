"""The file of a kept read: what is damaged in it is noticed before any of it is used."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scimsync.sources.kept_read import KeptFacts, KeptReadDamaged, load, store

NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path, records = tmp_path / "staff.kept", tmp_path / "records"
    records.write_bytes(b"".join(b'{"id": "%04d"}\n' % number for number in range(2500)))
    store(path, records, KeptFacts("staff", NOW, NOW, 0, link="https://hr.example.com/later"))
    return path


def test_the_records_come_as_they_were_stored(kept: Path) -> None:
    found = load(kept)
    assert found is not None

    batches = list(found.batches(1000))

    assert [len(batch) for batch in batches] == [1000, 1000, 500]
    assert (batches[0][0], batches[-1][-1]) == (b'{"id": "0000"}', b'{"id": "2499"}')


@pytest.mark.parametrize("line", [b'{"id": "0', b"7", b"{}", b"\xff"])
def test_no_line_is_given_from_a_file_that_was_damaged_anywhere(kept: Path, line: bytes) -> None:
    whole = b'{"id": "0005"}'
    kept.write_bytes(kept.read_bytes().replace(whole, line.ljust(len(whole))))
    found = load(kept)
    assert found is not None

    with pytest.raises(KeptReadDamaged):
        next(found.batches(1000))


def test_a_file_that_is_gone_counts_as_damaged(kept: Path) -> None:
    found = load(kept)
    assert found is not None
    kept.unlink()

    with pytest.raises(KeptReadDamaged, match="No such file"):
        next(found.batches(1000))
