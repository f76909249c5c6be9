"""Rows of the text protocol of MySQL and MariaDB."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.sources.sql.mysql_reader import row_decoder

TEXT = ("utf8", None)
NUMBER = ("ascii", int)
BYTES = (None, None)

SHORT, TWO, THREE = "x" * 250, "y" * 251, "z" * 70_000


def packed(text: str) -> bytes:
    value = text.encode()
    if len(value) < 251:
        return bytes([len(value)]) + value
    width, first = (2, 252) if len(value) < 1 << 16 else (3, 253)
    return bytes([first]) + len(value).to_bytes(width, "little") + value


ROW = b"".join([packed("é"), b"\xfb", packed("42"), packed(""), *map(packed, (SHORT, TWO, THREE))])
LONG = b"\xfe" + (5).to_bytes(8, "little") + b"hello"


def test_values_of_all_lengths() -> None:
    decode = row_decoder([TEXT, TEXT, NUMBER, BYTES, TEXT, TEXT, TEXT, TEXT])

    assert decode(ROW + LONG) == ["é", None, 42, b"", SHORT, TWO, THREE, "hello"]


def test_a_column_that_is_not_wanted_is_null() -> None:
    decode = row_decoder([None, None, NUMBER, None, None, None, TEXT])

    assert decode(ROW) == [None, None, 42, None, None, None, THREE]


@pytest.mark.parametrize("row", [ROW[:-1], ROW[:1], ROW[:-70_001], b"", ROW + b"\x00", b"\xff"])
@pytest.mark.parametrize("last", [TEXT, None])
def test_a_row_that_is_cut_is_an_error(row: bytes, last: Any) -> None:
    decode = row_decoder([TEXT, TEXT, NUMBER, BYTES, TEXT, TEXT, last])

    with pytest.raises((IndexError, KeyError)):
        decode(row)
