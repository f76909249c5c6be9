"""Load sync.toml from files that cannot be read, and without importing more than needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scimsync.builtin import load, parse
from scimsync.errors import ConfigError
from tests.error_text import text_of

EXAMPLE = Path(__file__).parents[2] / "sync.toml.example"


def failure(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    error = failure(tmp_path / "sync.toml")
    assert (
        text_of(error)
        == f"sync.toml: no such file\n  looked in {tmp_path}\n  scimsync init hr.csv writes one"
    )


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert (
        text_of(failure(tmp_path))
        == f"{tmp_path.name}: is a folder, not a file\n  write -c {tmp_path / 'sync.toml'}"
    )


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert (
        text_of(failure(tmp_path / "sync.toml"))
        == f"sync.toml: may not be read by this user\n  in {tmp_path}"
    )


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert (
        text_of(failure(tmp_path / "file" / "sync.toml"))
        == "sync.toml: cannot be read: Not a directory"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "# Müller\n".encode("latin-1"),
            "sync.toml:1: not UTF-8 (byte 0xFC)\n  save the file as UTF-8",
        ),
        (b"\n\n" + b"x = '\xe9'", "sync.toml:3: not UTF-8 (byte 0xE9)\n  save the file as UTF-8"),
        (
            "a = 1\n".encode("utf-16"),
            "sync.toml:1: not UTF-8 (byte 0xFF)\n  save the file as UTF-8",
        ),
    ],
)
def test_a_file_that_is_not_utf8(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "sync.toml"
    path.write_bytes(content)
    assert text_of(failure(path)) == expected


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    path = tmp_path / "sync.toml"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    expected = parse(text, path)
    assert load(path).model_copy(update={"digest": expected.digest}) == expected


def test_loading_imports_nothing_heavy() -> None:
    heavy = {"apprise", "duckdb", "httpx2", "jinja2", "keyring", "sqlalchemy", "subprocess"}
    code = "import sys, scimsync.builtin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(done.stdout.split()) == set()
