# ruff: noqa: S608 - SQL of quoted names only
"""Read JSON (an array of objects, or objects one after the other) and NDJSON.

Values keep their types.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.sources.base import RejectedRows, RowLocation, SourceSpec
from scimsync.sources.duckdb_sql import literal, name, pointer, reason
from scimsync.sources.file import encodings
from scimsync.sources.file.content import content
from scimsync.sources.file.find import File
from scimsync.sources.file.json_soundness import (
    are_sound,
    is_sound,
    rejected_value,
    unsound_values,
)
from scimsync.sources.file.reader import NOTHING
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.json_rows import member_types, objects, select_members
from scimsync.sources.workspace import Workspace

_TYPES = {
    frozenset({"VARCHAR"}): "VARCHAR",
    frozenset({"BOOLEAN"}): "BOOLEAN",
    frozenset({"BIGINT"}): "BIGINT",
    frozenset({"UBIGINT"}): "BIGINT",
    frozenset({"BIGINT", "UBIGINT"}): "BIGINT",
    frozenset({"DOUBLE"}): "DOUBLE",
}
"""JSON types of all values of a column -> its SQL type in a query. Other mixtures stay JSON."""

_MOST_WRAPPED = 256 << 20  # bytes of a file that is one object
_TAIL = 4096  # bytes at the end of a file, of which at least one is not white space


class JsonReader:
    """A `FileReader` for JSON and NDJSON. Text that is not JSON is an error."""

    def __init__(self, spec: SourceSpec[FileSettings], file: File, workspace: Workspace) -> None:
        self.file = file
        self._spec = spec
        self._workspace = workspace

    def types(self) -> Mapping[str, str]:
        return dict.fromkeys(self._found, "JSON")

    def type_of(self, column: str) -> str:  # noqa: ARG002
        return "JSON"

    def repeated(self) -> Mapping[str, SourceFormatError]:
        return {}

    def select(
        self,
        names: Sequence[str],
        rejected: RejectedRows | None = None,
        more: Mapping[str, str | None] = NOTHING,
    ) -> str:
        further = {alias: self._typed(column) for alias, column in more.items()}
        if rejected is None:
            return select_members(self._objects, names, numbered=False, more=further)
        self._reject(rejected)
        further["whole"] = "json"
        selected = select_members(self._objects, names, numbered=True, more=further)
        return f"select * exclude (whole) from ({selected}) where {is_sound('whole')}"

    def view(self, rejected: RejectedRows | None = None) -> str:
        columns = [f"{self._typed(column)} as {name(column)}" for column in self._found]
        selected = f"select {', '.join(columns)} from {self._objects}"
        if rejected is None:
            return selected
        self._reject(rejected)
        return f"{selected} where {is_sound('json')}"

    def _reject(self, rejected: RejectedRows) -> None:
        """Add the rows that are not sound."""
        count, found = unsound_values(self._workspace.connection, self._objects)
        locations = self.locate([row for row, _ in found])
        for row, text in found:
            rejected.add(rejected_value(text, self._spec.key, locations[row]))
        rejected.count += count - len(found)

    def _typed(self, column: str | None) -> str:
        """Return SQL for the values of a column with their natural type."""
        if column is None or column not in self._found:
            return "null"
        kind = _TYPES.get(frozenset(self._found[column]) - {"NULL"}, "JSON")
        extract = "json_extract_string" if kind == "VARCHAR" else "json_extract"
        return f"{extract}(json, {literal(pointer(column))})::{kind}"

    def is_reliable(self) -> bool:
        import duckdb

        try:
            return are_sound(self._workspace.connection, self._objects)
        except duckdb.Error:  # the scan fails too, and is explained
            return True

    def locate(self, rows: Collection[int]) -> Mapping[int, RowLocation]:
        lines = self._lines(rows)
        return {row: RowLocation(self.file.label, lines.get(row), row) for row in rows}

    def _lines(self, rows: Collection[int]) -> Mapping[int, int]:
        """Return the lines of rows, in files that have one object in a line."""
        if self._form != "newline_delimited":
            return {}
        found = {}
        number = 0
        with self._text.open("rb") as stream:
            for line, text in enumerate(stream, 1):
                if text.strip():
                    number += 1
                    if number in rows:
                        found[number] = line
        return found

    def explain(self, error: Exception) -> None:
        if str(self._text) not in str(error):
            return
        where = f"{self._spec.setting('path')}: {self.file.label}"
        text = self._text.read_bytes()
        lines = self._form == "newline_delimited"
        pieces = text.splitlines() if lines else [text]
        for line, piece in enumerate(pieces, start=1):
            try:
                if piece.strip():
                    json.loads(piece)
            except UnicodeDecodeError:
                encodings.explain(self._spec, self._text, self.file.label, "utf-8")
            except json.JSONDecodeError as wrong:
                cut = line == len(pieces) and not (lines and text.endswith(b"\n"))
                if cut and not piece.rstrip().endswith((b"]", b"}")):
                    raise self._cut() from None
                at = line if lines else wrong.lineno
                raise SourceFormatError(
                    f"{where}, line {at}: not JSON: {wrong.msg}", code="SYNC-0208"
                ) from None
        raise SourceFormatError(f"{where}: {reason(error)}", code="SYNC-0208")

    def _cut(self) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self.file.label} ends in the middle of a value; is it still being written?",
            hint="try again when it is complete",
            code="SYNC-0201",
        )

    @cached_property
    def _found(self) -> dict[str, list[str]]:
        import duckdb

        try:
            return member_types(self._workspace.connection, self._objects)
        except duckdb.Error as error:
            self.explain(error)
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label}: {reason(error)}",
                code="SYNC-0208",
            ) from None

    @cached_property
    def _text(self) -> Path:
        """The file as UTF-8 without a byte order mark, which DuckDB does not accept in JSON."""
        path = content(self._spec, self.file, self._workspace)
        if self.file.encoding == "utf-8":
            return self._workspace.readable(path)
        copy = self._workspace.new(".json")
        encodings.to_utf8(self._spec, path, self.file.label, self.file.encoding or "utf-8", copy)
        return copy

    @cached_property
    def _form(self) -> str:
        with self._text.open("rb") as stream:
            while byte := stream.read(1):
                if not byte.isspace():
                    break
            if byte == b"[":
                stream.seek(max(0, self._text.stat().st_size - _TAIL))
                if not stream.read().rstrip().endswith(b"]"):
                    raise self._cut()  # DuckDB accepts an array without an end
                return "array"
        return "newline_delimited" if self.file.format == "ndjson" else "unstructured"

    @cached_property
    def _objects(self) -> str:
        """SQL for the records: the objects of the file, or those of the list in its only object."""
        table = objects(self._text, self._form)
        member = self._list_of_records() if self._form == "unstructured" else None
        if member is None:
            return table
        path = "$." + name(member) + "[*]"
        return f"(select unnest(json_extract(json, {literal(path)})) as json from {table})"

    def _list_of_records(self) -> str | None:
        """Return the member of the only object of the file that holds the records, if one does.

        Of the lists whose objects have the key column, that is the one whose first object has most
        members, if the object itself has no key. Without a known key, the object must have fewer.
        """
        if self._text.stat().st_size > _MOST_WRAPPED:
            return None
        try:
            found = json.loads(self._text.read_bytes())
        except (ValueError, RecursionError):  # several objects, or none: DuckDB explains it
            return None
        key = self._spec.key
        if not isinstance(found, dict) or key in found:
            return None
        widths = _widths_of_lists(found, key)
        member = max(widths, key=widths.__getitem__, default=None)
        if member is not None:
            self._refuse_second(member)
        return member

    def _refuse_second(self, member: str) -> None:
        """Raise SourceFormatError if the only object of the file has the list `member` twice."""
        (names,) = self._workspace.connection.execute(
            f"select json_keys(json) from {objects(self._text, self._form)}"
        ).fetchone() or ([],)
        if names.count(member) > 1:
            raise SourceFormatError(
                f'{self._spec.setting("path")}: {self.file.label} has the list "{member}" twice',
                code="SYNC-0208",
            )


def _widths_of_lists(found: Mapping[str, Any], key: str) -> dict[str, int]:
    """Return the members that may be lists of records, with the width of the first object."""
    lists = {
        member: items
        for member, items in found.items()
        if isinstance(items, list) and items and all(isinstance(item, dict) for item in items)
    }
    least = sum(not isinstance(value, list | dict) for value in found.values())
    return {
        member: len(items[0])
        for member, items in lists.items()
        if (any(key in item for item in items) if key else len(items[0]) > least)
    }
