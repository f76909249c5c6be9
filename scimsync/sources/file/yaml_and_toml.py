"""Read YAML and TOML files: a list of people, a name for each, or a file for each.

Which of the values of a document are records is decided by its form:

- a list: each item is a record
- a mapping with the key: a record
- a mapping of a single name to a list, or of several names, to one list whose items have the key:
  each item is a record
- a mapping of names to mappings, maybe below a single name: each of these is a record, and its name
  is its key, unless one of them has the key
- another mapping: a record. In files of a pattern, the name of the file without its extension is
  the key, unless one of them has it.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from scimsync.errors import GuardStop, SourceFormatError, SourceUnavailable
from scimsync.jsontext import json_text
from scimsync.sources.base import RowLocation, SourceSpec
from scimsync.sources.file import encodings
from scimsync.sources.file.content import content
from scimsync.sources.file.find import File, inner_name
from scimsync.sources.file.json_files import JsonReader
from scimsync.sources.file.located import JsonValue, Located, TextProblem
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.file.toml_text import parse_toml
from scimsync.sources.file.yaml_text import is_installed, parse_yaml
from scimsync.sources.json_rows import objects
from scimsync.sources.workspace import Workspace, new_private_file

_MOST_BYTES = 256 << 20
_UNKNOWN_KEY = "id"  # the name that `scimsync init` gives the names of people


@dataclass(frozen=True, slots=True)
class _Record:
    """A record, or a value instead of one. `name` is its key if no record has one itself."""

    value: JsonValue
    line: int | None
    name: str | None = None
    is_whole_file: bool = False


@dataclass(frozen=True, slots=True)
class _Spool:
    """The records as NDJSON, with the file and the line of each, 0 for none."""

    path: Path
    files: Sequence[int]
    lines: Sequence[int]
    is_file_each: bool


class DocumentsReader(JsonReader):
    """A `FileReader` for a YAML or TOML file, or all such files of a pattern."""

    def __init__(
        self,
        spec: SourceSpec[FileSettings],
        files: Sequence[File],
        label: str,
        workspace: Workspace,
        *,
        is_pattern: bool,
    ) -> None:
        super().__init__(spec, replace(files[0], label=label), workspace)
        self._files = files
        self._is_pattern = is_pattern
        if files[0].format == "yaml" and not is_installed():
            raise SourceFormatError(
                f"{self._where}: {label}: PyYAML is not installed",
                hint='install it with: pip install "scimsync[yaml]"',
                code="SYNC-0232",
            )

    @property
    def is_file_each(self) -> bool:
        """Whether each file of a pattern is one record, so a deleted file means a leaver."""
        return self._spool.is_file_each

    def locate(self, rows: Collection[int]) -> Mapping[int, RowLocation]:
        spool = self._spool
        return {
            row: RowLocation(
                self._files[spool.files[row - 1]].label, spool.lines[row - 1] or None, row
            )
            for row in rows
        }

    def explain(self, error: Exception) -> None:
        """Do nothing: DuckDB reads a file written by `_spool`."""

    @property
    def _where(self) -> str:
        return self._spec.setting("path" if self._spec.settings.query is None else "query")

    @cached_property
    def _objects(self) -> str:
        return objects(self._spool.path, "newline_delimited")

    @cached_property
    def _spool(self) -> _Spool:
        found: list[tuple[int, _Record]] = []
        for at, file in enumerate(self._files):
            records = [(at, record) for record in self._records(at)]
            if not records:  # who was in it has not left
                raise GuardStop(
                    f"{file.label} is empty",
                    hint="nothing is sent for an empty source; delete the file if that is meant",
                    code="SYNC-0505",
                )
            found += records
        path = self._workspace.new(".ndjson")
        self._write(path, found)
        files = array("L", (at for at, _ in found))
        lines = array("L", (record.line or 0 for _, record in found))
        whole = self._is_pattern and all(record.is_whole_file for _, record in found)
        return _Spool(path, files, lines, whole)

    def _write(self, path: Path, found: Sequence[tuple[int, _Record]]) -> None:
        key = self._spec.key or _UNKNOWN_KEY
        named = not any(isinstance(each.value, dict) and key in each.value for _, each in found)
        with new_private_file(path) as target:
            for at, record in found:
                value = record.value
                if named and record.name is not None and isinstance(value, dict):
                    value = {key: record.name, **value}
                try:
                    target.write(f"{json_text(value)}\n")
                except TypeError:  # half of a character, written as an escape
                    problem = TextProblem(record.line, "a character that is not valid Unicode")
                    raise self._wrong(self._files[at], problem) from None

    def _records(self, at: int) -> Iterator[_Record]:
        """Yield the records of a file."""
        file = self._files[at]
        text = self._text_of(file)
        try:
            is_yaml = file.format == "yaml"
            documents = list(parse_yaml(text)) if is_yaml else [(parse_toml(text), 1)]
        except TextProblem as problem:
            if problem.cut:
                raise SourceUnavailable(
                    f"{file.label} ends in the middle of a value; is it still being written?",
                    details=[problem.problem],
                    hint="try again when it is complete",
                    code="SYNC-0201",
                ) from None
            raise self._wrong(file, problem) from None
        stem = None
        if self._is_pattern and len(documents) == 1:
            stem = Path(inner_name(file)).stem
        for value, line in documents:
            yield from _records_of(value, line, self._spec.key, stem)

    def _text_of(self, file: File) -> str:
        path = content(self._spec, file, self._workspace)
        encoding = file.encoding or "utf-8"
        if path.stat().st_size > _MOST_BYTES:
            raise SourceFormatError(
                f"{self._where}: {file.label} has more than {_MOST_BYTES >> 20} MB",
                hint="use CSV or NDJSON for this many people",
                code="SYNC-0237",
            )
        try:
            return path.read_bytes().decode(encoding)
        except UnicodeDecodeError:
            encodings.explain(self._spec, path, file.label, encoding)

    def _wrong(self, file: File, problem: TextProblem) -> SourceFormatError:
        line = "" if problem.line is None else f", line {problem.line}"
        return SourceFormatError(
            f"{self._where}: {file.label}{line}: {problem.problem}", code="SYNC-0237"
        )


def _records_of(value: JsonValue, line: int, key: str, stem: str | None) -> Iterator[_Record]:
    """Yield the records of a document; see the module."""
    if value is None or value in ([], {}):
        return
    if isinstance(value, Located):
        yield from _records_in(value, line, key, stem)
        return
    for item in value if isinstance(value, list) else [value]:
        yield _Record(item, item.line if isinstance(item, Located) else line)


def _records_in(value: Located, line: int, key: str, stem: str | None) -> Iterator[_Record]:
    """Yield the record that an object is, or the records that it holds."""
    if key and key in value:
        yield _Record(value, value.line or line, is_whole_file=stem is not None)
        return
    only = next(iter(value.values())) if len(value) == 1 else None
    is_people = isinstance(only, list) and any(isinstance(item, Located) for item in only)
    people = only if is_people else _list_of_records(value, key)
    if people is not None:
        yield from _records_of(people, line, key, None)
        return
    named = only if _is_named(only) else value if _is_named(value) else None
    if named is not None:
        for name, each in named.items():
            yield _Record(each, each.line or line, name)
        return
    yield _Record(value, value.line or line, stem, is_whole_file=stem is not None)


def _is_named(value: JsonValue) -> bool:
    """Return whether a value is a mapping of names to mappings."""
    return (
        isinstance(value, Located)
        and bool(value)
        and all(isinstance(each, Located) for each in value.values())
    )


def _list_of_records(value: Located, key: str) -> list[JsonValue] | None:
    """Return the list with the key in its items; if no key is known, the widest one."""
    lists = [
        items
        for items in value.values()
        if isinstance(items, list) and items and all(isinstance(item, Located) for item in items)
    ]
    least = sum(not isinstance(each, list | dict) for each in value.values())
    found = [
        items
        for items in lists
        if (any(key in item for item in items) if key else len(items[0]) > least)
    ]
    return max(found, key=lambda items: len(items[0]), default=None)
