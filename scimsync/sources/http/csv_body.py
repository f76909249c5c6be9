"""The rows of a response in CSV with a header."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import orjson

from scimsync.sources.http.list_pages import BadPage


@dataclass(frozen=True, slots=True)
class CsvBody:
    """The names in the first line, and the rows by these names."""

    names: tuple[str, ...]
    rows: list[dict[str, str]]


def csv_body(content: bytes) -> CsvBody:
    """Return the names and rows of a CSV text.

    Raise BadPage for JSON, a web page, or a row with more or fewer fields than the first line.
    """
    if content.lstrip()[:1] == b"<":
        raise BadPage("the response is a web page, not CSV")
    if _is_json(content):
        raise BadPage("the response is JSON, not CSV")
    try:
        text = content.decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(lines, None)
        if not header or len(set(header)) < len(header) or not all(map(str.strip, header)):
            raise BadPage("the response is not CSV with a line of different names")
        names = tuple(name.strip() for name in header)
        rows = []
        for line in lines:
            if not line:
                continue
            if len(line) != len(names):
                what = f"line {lines.line_num} of the CSV has {len(line)} fields"
                raise BadPage(f"{what}, its header {len(names)}")
            rows.append(dict(zip(names, (cell.strip() for cell in line), strict=True)))
    except UnicodeDecodeError:
        raise BadPage("the CSV is not UTF-8") from None
    except csv.Error as error:
        raise BadPage(f"the response is not CSV: {error}") from None
    return CsvBody(names, rows)


def _is_json(content: bytes) -> bool:
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] not in (b"{", b"["):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
