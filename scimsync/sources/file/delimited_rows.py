"""Split delimited text into rows with their lines, for files in which DuckDB found an error.

It reads what DuckDB reads (RFC 4180, one space allowed before an opening quote), reports what is
wrong with a row, and continues with the line after a bad one, so that one forgotten quote does not
swallow the rest of the file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_ROW_BYTES = 2_000_000
"""The length at which DuckDB gives up on a row (its `max_line_size`)."""

_MAX_ROW = MAX_ROW_BYTES // 4 - 100  # characters: up to 4 bytes each, and some for the line number


@dataclass(slots=True)
class CsvRow:
    """One row, from `line` to `end`, counted from 1.

    `problem` says what is wrong with its quotes, or is None. If it is set, `fields` are a guess.
    `cut` is true for a last row without a line break after it. `code` is that of the message about
    the problem. `lines` are the lines of a row that takes several.
    """

    line: int
    end: int
    fields: list[str]
    problem: str | None
    cut: bool
    code: str = "SYNC-0220"
    lines: tuple[str, ...] = ()


def read_rows(lines: Iterable[str], delimiter: str, line: int = 0) -> Iterator[CsvRow]:
    """Yield all rows that are not blank.

    `lines` keep their line breaks, as in a file opened with `newline=""`. They follow the line
    `line` of the file.
    """
    cell = _cell(delimiter)
    source = iter(lines)
    again: deque[str] = deque()
    while True:
        text = again.popleft() if again else next(source, None)
        if text is None:
            return
        line += 1
        if '"' not in text:
            body = text.rstrip("\r\n")
            if not _is_blank(body, delimiter):
                cells, cut = body.split(delimiter), len(body) == len(text)
                yield CsvRow(line, line, cells, _too_long([body]), cut)
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
            yield CsvRow(
                line,
                line + len(taken) - 1,
                fields,
                _too_long(taken),
                not taken[-1].endswith(("\n", "\r")),
                lines=tuple(taken) if len(taken) > 1 else (),
            )
            line += len(taken) - 1
        else:
            problem = (
                "has a quote that is never closed"
                if fields is None
                else "has text beside a quoted cell"
            )
            guess = [part.strip(' "') for part in text.rstrip("\r\n").split(delimiter)]
            yield CsvRow(line, line, guess, problem, not text.endswith(("\n", "\r")))
            again.extendleft(reversed(taken[1:]))


def _is_blank(body: str, delimiter: str) -> bool:
    return (not body or body.isspace()) and delimiter not in body


def _too_long(parts: list[str]) -> str | None:
    """Return the problem of a row that DuckDB could not read even from a clean copy of the file."""
    if (
        sum(map(len, parts)) <= _MAX_ROW
        or sum(len(part.encode("utf-8", "replace")) for part in parts) <= MAX_ROW_BYTES - 1000
    ):
        return None
    return "is too long"


def split(text: str, cell: re.Pattern[str]) -> list[str] | bool | None:
    """Return the fields of a row.

    None if a quote is still open at its end, False if there is text beside a quoted cell.
    """
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
