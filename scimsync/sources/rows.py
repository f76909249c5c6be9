"""The rows of delimited text with their lines, for files in which DuckDB found something wrong.

It reads what DuckDB reads (RFC 4180, one blank before an opening quote allowed), tells what is
wrong with a row, and goes on with the line after a bad one, so that one forgotten quote does not
swallow the rest of the file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_ROW_BYTES = 2_000_000
"""Length at which DuckDB gives up on a row (its `max_line_size`)."""

_MAX_ROW = MAX_ROW_BYTES // 4 - 100  # characters: up to 4 bytes each, and some for the line number


@dataclass(slots=True)
class Row:
    """One row, from `line` to `end`, counted from 1. `fault` says what is wrong with its quotes, or
    None; `fields` are a guess then. `cut` is true for a last row without a line break after it."""

    line: int
    end: int
    fields: list[str]
    fault: str | None
    cut: bool


def read_rows(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    """All rows that are not blank. `lines` keep their line breaks (a file opened with
    `newline=""`)."""
    cell = _cell(delimiter)
    source = iter(lines)
    again: deque[str] = deque()
    line = 0
    while True:
        text = again.popleft() if again else next(source, None)
        if text is None:
            return
        line += 1
        if '"' not in text:
            body = text.rstrip("\r\n")
            if body and not body.isspace():
                yield Row(
                    line, line, body.split(delimiter), _length_fault([body]), len(body) == len(text)
                )
            elif delimiter in body:
                yield Row(line, line, body.split(delimiter), None, len(body) == len(text))
            continue
        taken = [text]
        fields = split(text, cell)
        length = len(text)
        while fields is None and length < _MAX_ROW:
            more = again.popleft() if again else next(source, None)
            if more is None:
                break
            taken.append(more)
            length += len(more)
            if not _STILL_OPEN.match(more):
                fields = split("".join(taken), cell)
        if isinstance(fields, list):
            yield Row(
                line,
                line + len(taken) - 1,
                fields,
                _length_fault(taken),
                not taken[-1].endswith(("\n", "\r")),
            )
            line += len(taken) - 1
        else:
            fault = (
                "has a quote that is never closed"
                if fields is None
                else "has text beside a quoted cell"
            )
            guess = [part.strip(' "') for part in text.rstrip("\r\n").split(delimiter)]
            yield Row(line, line, guess, fault, not text.endswith(("\n", "\r")))
            again.extendleft(reversed(taken[1:]))


def _length_fault(parts: list[str]) -> str | None:
    """What is wrong with a row of these lines: DuckDB reads none that is longer, not even in a
    clean copy of the file."""
    if (
        sum(map(len, parts)) <= _MAX_ROW
        or sum(len(part.encode("utf-8", "replace")) for part in parts) <= MAX_ROW_BYTES - 1000
    ):
        return None
    return "is too long"


def split(text: str, cell: re.Pattern[str]) -> list[str] | bool | None:
    """The fields of a row; None if a quote is still open at its end, False if text stands beside a
    quoted cell."""
    text = text[:-2] if text.endswith("\r\n") else text.removesuffix("\n").removesuffix("\r")
    fields: list[str] = []
    at = 0
    while match := cell.match(text, at):
        quoted, plain, end = match.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if not end:
            return fields
    return None if _OPEN.match(text, at) else False


_INSIDE = r'(?:[^"]++|"")*+'  # of quotes
_OPEN = re.compile(rf' ?"{_INSIDE}\Z')
_STILL_OPEN = re.compile(rf"{_INSIDE}\Z")


def _cell(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(rf'(?: ?"({_INSIDE})" *|(?! ?")([^{mark}]*))({mark}|\Z)')
