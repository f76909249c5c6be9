# ruff: noqa: S608 - SQL of quoted names only
"""JSON (an array of objects, or objects one after the other) and NDJSON, values kept as they
are."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.sources import encodings
from scimsync.sources.duck import Workspace, array, literal, name, pointer, reason
from scimsync.sources.files import File
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import BadRows

_TYPES = {
    frozenset({"VARCHAR"}): "VARCHAR",
    frozenset({"BOOLEAN"}): "BOOLEAN",
    frozenset({"BIGINT"}): "BIGINT",
    frozenset({"UBIGINT"}): "BIGINT",
    frozenset({"BIGINT", "UBIGINT"}): "BIGINT",
    frozenset({"DOUBLE"}): "DOUBLE",
}
"""JSON types of all values of a column -> the SQL type that it has in a query; anything else stays
JSON."""


_TAIL = 4096  # bytes, of which blanks at the end of a file are no more


class Json:
    """A JSON or NDJSON file."""

    def __init__(self, spec: FileSpec, file: File, workspace: Workspace) -> None:
        self.file = file
        self._spec = spec
        self._workspace = workspace

    def types(self) -> Mapping[str, str]:
        return dict.fromkeys(self._found, "JSON")

    def type_of(self, column: str) -> str:  # noqa: ARG002 - telling would take a reading
        return "JSON"

    def select(self, names: Sequence[str], bad: BadRows | None = None) -> str:
        pointers = array(pointer(column) for column in names)
        columns = [f"j[{at + 1}] as c{at}" for at in range(len(names))]
        number = "" if bad is None else ", row_number() over () as row"
        return (
            f"select {', '.join([*columns, *['row'] * (bad is not None)])} "
            f"from (select json_extract(json, {pointers}) as j{number} from {self._objects})"
        )

    def view(self, bad: BadRows | None = None) -> str:  # noqa: ARG002 - bad JSON is an error
        columns = []
        for column, kinds in self._found.items():
            kind = _TYPES.get(frozenset(kinds) - {"NULL"}, "JSON")
            extract = "json_extract_string" if kind == "VARCHAR" else "json_extract"
            columns.append(f"{extract}(json, {literal(pointer(column))})::{kind} as {name(column)}")
        return f"select {', '.join(columns)} from {self._objects}"

    def lines(self, rows: Collection[int]) -> Mapping[int, int]:
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
        where, label = self._spec.setting("path"), self.file.label
        text = self._text.read_bytes()
        lines = self._form == "newline_delimited"
        pieces = text.splitlines() if lines else [text]
        for line, piece in enumerate(pieces, start=1):
            try:
                if piece.strip():
                    json.loads(piece)
            except UnicodeDecodeError:
                encodings.explain(self._spec, self.file.path, label, self.file.encoding or "utf-8")
            except json.JSONDecodeError as wrong:
                cut = line == len(pieces) and not (lines and text.endswith(b"\n"))
                if cut and not piece.rstrip().endswith((b"]", b"}")):
                    raise self._half() from None
                at = line if lines else wrong.lineno
                raise SourceFormatError(
                    f"{where}: {label}, line {at}: not JSON: {wrong.msg}"
                ) from None
        raise SourceFormatError(f"{where}: {label}: {reason(error)}")

    def _half(self) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self.file.label} ends in the middle of a value; is it still being written?",
            hint="try again when it is complete",
        )

    @cached_property
    def _found(self) -> dict[str, list[str]]:
        """Column -> JSON types of its values, in the order of the file."""
        import duckdb

        step = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
        try:
            rows = self._workspace.connection.execute(f"""
                with object as (
                  select json, row_number() over () as n from {self._objects}
                  where json_type(json) = 'OBJECT'
                ), cell as (
                  select json, n, unnest(json_keys(json)) as k,
                    generate_subscripts(json_keys(json), 1) as place
                  from object
                )
                select k, list(distinct json_type(json, {step})) from cell
                group by k order by min((n, place))
                """).fetchall()
        except duckdb.Error as error:
            self.explain(error)
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label}: {reason(error)}"
            ) from None
        return dict(rows)

    @cached_property
    def _text(self) -> Path:
        """The file as UTF-8 without a byte order mark, which DuckDB does not want in JSON."""
        if self.file.encoding == "utf-8":
            return self._workspace.readable(self.file.path)
        copy = self._workspace.new(".json")
        encodings.to_utf8(
            self._spec, self.file.path, self.file.label, self.file.encoding or "utf-8", copy
        )
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
                    raise self._half()  # DuckDB takes an array without an end
                return "array"
        return "newline_delimited" if self.file.format == "ndjson" else "unstructured"

    @property
    def _objects(self) -> str:
        return f"read_json_objects({literal(str(self._text))}, format = {literal(self._form)})"
