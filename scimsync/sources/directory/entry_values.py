"""Turn the bytes of attribute values into JSON values."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from scimsync.sources.directory.attribute_types import Form

Convert = Callable[[bytes], object]
"""A function that returns the JSON value of the bytes of a value, None for one that means none.

It raises UnicodeDecodeError for text that is not UTF-8.
"""

_TIME = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)"
)
_FILETIME_START = datetime(1601, 1, 1, tzinfo=UTC)
_BOOLEANS = {b"TRUE": True, b"FALSE": False}
_NEVER = (0, 2**63 - 1)


def base64_text(raw: bytes) -> str:
    """Return base64 (RFC 4648, section 4)."""
    return b2a_base64(raw, newline=False).decode()


def boolean(raw: bytes) -> object:
    """Return true or false for TRUE and FALSE (RFC 4517, section 3.3.3), other text as it is."""
    return _BOOLEANS[raw.upper()] if raw.upper() in _BOOLEANS else raw.decode()


def generalized_time(raw: bytes) -> str:
    """Return a generalized time (RFC 4517, section 3.3.13) as ISO 8601 in UTC.

    Any other text stays as it is.
    """
    found = raw.decode()
    match = _TIME.fullmatch(found)
    if match is None:
        return found
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute or 0),
            min(int(second or 0), 59),  # a leap second
            tzinfo=UTC,
        )
        if fraction:
            unit = 1 if second else 60 if minute else 3600
            microseconds = int(int(fraction) * unit * 1_000_000 // 10 ** len(fraction))
            moment += timedelta(microseconds=microseconds)
        if zone != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0))
            moment += offset if zone[0] == "-" else -offset
    except (ValueError, OverflowError):
        return found
    return _iso(moment)


def filetime(raw: bytes) -> str | None:
    """Return a FILETIME, units of 100 ns since 1601, as ISO 8601 in UTC.

    Return None for 0 and 2**63 - 1, which mean never ([MS-ADA1], accountExpires). Any other text
    stays as it is.
    """
    found = raw.decode()
    try:
        ticks = int(found)
        if ticks in _NEVER:
            return None
        return _iso(_FILETIME_START + timedelta(microseconds=ticks // 10))
    except (ValueError, OverflowError):
        return found


def guid(raw: bytes) -> str:
    """Return a GUID as Active Directory stores it ([MS-DTYP] 2.3.4.2) in the usual notation.

    The first three fields are little-endian. Other than 16 bytes become base64.
    """
    return str(UUID(bytes_le=raw)) if len(raw) == 16 else base64_text(raw)


def sid(raw: bytes) -> str:
    """Return a security identifier as S-1-… ([MS-DTYP] 2.4.2.1, 2.4.2.2)."""
    if len(raw) < 8 or raw[0] != 1 or len(raw) != 8 + 4 * raw[1]:
        return base64_text(raw)
    authority = int.from_bytes(raw[2:8], "big")
    shown = str(authority) if authority < 2**32 else f"0x{authority:012x}"
    below = (int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4))
    return "-".join(["S-1", shown, *map(str, below)])


def is_disabled(control: object) -> bool | None:
    """Return whether a userAccountControl has the flag ACCOUNTDISABLE ([MS-ADTS] 2.2.16)."""
    try:
        return bool(int(str(control)) & 2)
    except ValueError:
        return None


CONVERT: Mapping[Form, Convert] = {
    Form.TEXT: bytes.decode,
    Form.DN: bytes.decode,
    Form.BOOLEAN: boolean,
    Form.TIME: generalized_time,
    Form.FILETIME: filetime,
    Form.GUID: guid,
    Form.SID: sid,
    Form.BINARY: base64_text,
}


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"
