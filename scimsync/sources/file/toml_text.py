"""Read TOML as data of JSON, with the lines of its tables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from scimsync.sources.file.located import JsonValue, Located, TextProblem

_MOST = 2**63
_HEADER = re.compile(r"[ \t]*(\[\[?[^\n]*\]\]?)[ \t]*(?:#[^\n]*)?\r?")
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def parse_toml(text: str) -> Located:
    """Return the only document of a text. Raise TextProblem.

    Dates and times become ISO 8601, and numbers that JSON does not have become text.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = _AT.search(message)
        line = int(at[1]) if at is not None and at[1] else None
        cut = at is not None and at[1] is None and not text.endswith(("\n", "\r"))
        raise TextProblem(line, f"not TOML: {_AT.sub('', message)}", cut=cut) from None
    except RecursionError:
        raise TextProblem(None, "nested too deeply") from None
    value = _table(found)
    _locate(value, text)
    return value


def _table(found: dict[str, Any]) -> Located:
    return Located({name: _value(value) for name, value in found.items()})


def _value(found: Any) -> JsonValue:
    if isinstance(found, dict):
        return _table(found)
    if isinstance(found, list):
        return [_value(item) for item in found]
    if isinstance(found, datetime | date | time):
        return found.isoformat()
    if isinstance(found, float):
        return found if isfinite(found) else str(found)
    if isinstance(found, int) and not isinstance(found, bool):
        return found if -_MOST <= found < _MOST else str(found)
    return found


def _locate(value: Located, text: str) -> None:
    """Give each table with its own header the line of that header.

    A line within a text of several lines may look like a header. Then there are more headers than
    tables, and no line is given.
    """
    headers: dict[str, list[tuple[int, list[str]]]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        match = _HEADER.fullmatch(line)
        if match is not None and (path := _path(match[1])) is not None:
            headers.setdefault(path[0], []).append((number, path))
    for name, found in headers.items():
        _give_lines(value.get(name), [one for one in found if len(one[1]) <= 2])


def _path(header: str) -> list[str] | None:
    """Return the names in a header, None for any other line."""
    try:
        table: Any = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return None
    names = []
    while isinstance(table, Mapping | list) and table:
        if isinstance(table, list):
            table = table[0]
        else:
            name, table = next(iter(table.items()))
            names.append(name)
    return names or None


def _give_lines(value: JsonValue, headers: list[tuple[int, list[str]]]) -> None:
    if isinstance(value, list):
        tables = [item for item in value if isinstance(item, Located)]
        lines = [line for line, path in headers if len(path) == 1]
        if len(tables) == len(lines):
            for each, line in zip(tables, lines, strict=True):
                each.line = line
    elif isinstance(value, Located):
        for line, path in headers:
            table = value if len(path) == 1 else value.get(path[1])
            if isinstance(table, Located):
                table.line = line
