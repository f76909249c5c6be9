"""Tokens are appended to a file whole, and once, whatever an earlier process left in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from scimsync.audit.events.destination import Delivery, EventToken
from scimsync.audit.events.token import Signer
from scimsync.audit.events.token_file import TokenFile, check_writable
from tests.security_events import KEY, in_file

SIGNER = Signer(KEY)


def tokens(*numbers: int) -> list[EventToken]:
    return [EventToken(one, f"j{one}", SIGNER.sign({"jti": f"j{one}"})) for one in numbers]


def numbers(path: Path) -> list[str]:
    return [one["jti"] for one in in_file(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ndjson"


def test_only_the_owner_may_read_a_new_file(path: Path) -> None:
    before = os.umask(0o277)
    try:
        assert TokenFile(path).deliver(tokens(1, 2)) == Delivery([1, 2])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert numbers(path) == ["j1", "j2"]


@pytest.mark.parametrize("end", [-1, -2, -40, -60, -200])
def test_a_token_that_was_not_written_to_its_end_is_written_again(path: Path, end: int) -> None:
    TokenFile(path).deliver(tokens(1, 2))
    path.write_bytes(path.read_bytes()[:end])
    assert TokenFile(path).deliver(tokens(1, 2, 3)) == Delivery([1, 2, 3])
    assert numbers(path) == ["j1", "j2", "j3"]


def test_tokens_that_an_earlier_process_has_written_are_not_repeated(path: Path) -> None:
    TokenFile(path).deliver(tokens(*range(500)))
    assert TokenFile(path).deliver(tokens(*range(300, 510))).failure is None
    assert numbers(path) == [f"j{one}" for one in range(510)]


def test_tokens_that_come_again_in_another_batch_are_not_repeated(path: Path) -> None:
    TokenFile(path).deliver(tokens(2, 3))
    file = TokenFile(path)
    file.deliver(tokens(1, 2))
    assert file.deliver(tokens(3, 4)) == Delivery([3, 4])
    assert numbers(path) == ["j2", "j3", "j1", "j4"]


def test_a_file_that_was_moved_away_begins_anew(path: Path) -> None:
    file = TokenFile(path)
    file.deliver(tokens(1))
    path.rename(path.with_suffix(".1"))
    file.deliver(tokens(2))
    assert numbers(path) == ["j2"]


def test_what_others_wrote_stays(path: Path) -> None:
    path.write_bytes(b"a note without a line break")
    TokenFile(path).deliver(tokens(1))
    note, token, end = path.read_bytes().split(b"\n")
    assert (note, end) == (b"a note without a line break", b"")
    assert token == tokens(1)[0].compact


def test_a_file_that_cannot_be_written_takes_nothing(path: Path) -> None:
    path.mkdir()
    delivery = TokenFile(path).deliver(tokens(1))
    assert delivery == Delivery(failure="cannot write the file: Is a directory")
    with pytest.raises(IsADirectoryError):
        check_writable(path)
    with pytest.raises(FileNotFoundError):
        check_writable(path / "missing" / "events.ndjson")


def test_a_disk_that_is_full_leaves_no_part_of_a_token(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TokenFile(path).deliver(tokens(1))
    write = os.write
    calls: list[int] = []

    def full(descriptor: int, text: bytes) -> int:
        calls.append(descriptor)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(descriptor, bytes(text)[:20])

    monkeypatch.setattr("scimsync.audit.events.token_file.os.write", full)
    delivery = TokenFile(path).deliver(tokens(2))
    monkeypatch.undo()

    assert delivery.failure == "cannot write the file: No space left on device"
    assert numbers(path) == ["j1"]
