"""The bytes of attribute values become JSON values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scimsync.sources.directory import entry_values
from scimsync.sources.directory.attribute_types import Form


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        (b"20261129151113Z", "2026-11-29T15:11:13Z"),
        (b"20240102030405.0Z", "2024-01-02T03:04:05Z"),  # Active Directory
        (b"20240102030405.5Z", "2024-01-02T03:04:05.500000Z"),
        (b"20240102030405,25Z", "2024-01-02T03:04:05.250000Z"),
        (b"202401020304Z", "2024-01-02T03:04:00Z"),
        (b"2024010203Z", "2024-01-02T03:00:00Z"),
        (b"2024010203.5Z", "2024-01-02T03:30:00Z"),
        (b"202401020304.5Z", "2024-01-02T03:04:30Z"),
        (b"20240102030405+0200", "2024-01-02T01:04:05Z"),
        (b"20240102030405-0130", "2024-01-02T04:34:05Z"),
        (b"20240102030405+02", "2024-01-02T01:04:05Z"),
        (b"20161231235960Z", "2016-12-31T23:59:59Z"),  # a leap second
        (b"00000101000000Z", "00000101000000Z"),  # ppolicy: locked for ever
        (b"20241301000000Z", "20241301000000Z"),
        (b"20240102030405", "20240102030405"),  # without a zone
        (b"yesterday", "yesterday"),
    ],
)
def test_generalized_times(raw: bytes, iso: str) -> None:
    assert entry_values.generalized_time(raw) == iso


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        (b"133500000000000000", "2024-01-17T21:20:00Z"),
        (b"116444736000000000", "1970-01-01T00:00:00Z"),
        (b"116444736000000010", "1970-01-01T00:00:00.000001Z"),
        (b"0", None),  # never
        (b"9223372036854775807", None),  # never
        (b"9223372036854775806", "9223372036854775806"),
        (b"soon", "soon"),
    ],
)
def test_filetimes(raw: bytes, iso: str | None) -> None:
    assert entry_values.filetime(raw) == iso


@pytest.mark.parametrize(
    ("convert", "raw", "text"),
    [
        # the first three fields are little-endian
        (entry_values.guid, bytes(range(16)), "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        (entry_values.guid, b"\x00\x01", "AAE="),
        (entry_values.sid, bytes.fromhex("010100000000000512000000"), "S-1-5-18"),
        (
            entry_values.sid,
            bytes.fromhex("010500000000000515000000" + "01000000" * 3 + "f4010000"),
            "S-1-5-21-1-1-1-500",
        ),
        (
            entry_values.sid,
            bytes.fromhex("0101" + "100000000001" + "01000000"),
            "S-1-0x100000000001-1",
        ),
        (entry_values.sid, b"\x01\x05\x00", "AQUA"),  # cut off
        (entry_values.base64_text, b"\xff\xd8", "/9g="),
        (entry_values.CONVERT[Form.TEXT], "Zoë".encode(), "Zoë"),
    ],
)
def test_binary_values(convert: Callable[[bytes], object], raw: bytes, text: str) -> None:
    assert convert(raw) == text


@pytest.mark.parametrize(
    ("raw", "value"), [(b"TRUE", True), (b"FALSE", False), (b"true", True), (b"maybe", "maybe")]
)
def test_booleans(raw: bytes, value: object) -> None:
    assert entry_values.boolean(raw) == value


@pytest.mark.parametrize(
    ("control", "disabled"),
    [
        ("512", False),
        ("514", True),
        ("66050", True),
        (546, True),
        ("-2147483646", True),
        ("x", None),
    ],
)
def test_whether_an_account_is_disabled(control: object, disabled: bool | None) -> None:
    assert entry_values.is_disabled(control) is disabled
