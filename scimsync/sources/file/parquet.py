# ruff: noqa: S608 - SQL of quoted names only
"""Read Parquet files. Values keep their types."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from scimsync.errors import SourceFormatError
from scimsync.sources.base import RejectedRows, RowLocation, SourceSpec
from scimsync.sources.duckdb_sql import literal, name, reason
from scimsync.sources.file.content import content
from scimsync.sources.file.find import File
from scimsync.sources.file.reader import NOTHING
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace


class ParquetReader:
    """A `FileReader` for Parquet. It rejects no rows, and rows have no lines."""

    def __init__(self, spec: SourceSpec[FileSettings], file: File, workspace: Workspace) -> None:
        self.file = file
        self._spec = spec
        self._where = f"{spec.setting('path')}: {file.label}"
        self._workspace = workspace

    def types(self) -> Mapping[str, str]:
        return self._types

    def type_of(self, column: str) -> str | None:
        return self._types.get(column)

    def repeated(self) -> Mapping[str, SourceFormatError]:
        return {}

    def select(
        self,
        names: Sequence[str],
        rejected: RejectedRows | None = None,
        more: Mapping[str, str | None] = NOTHING,
    ) -> str:
        named = {f"c{at}": column for at, column in enumerate(names)} | dict(more)
        columns = [
            f"{name(column) if column is not None and column in self._types else 'null'} as {alias}"
            for alias, column in named.items()
        ]
        if rejected is not None:
            columns.append("file_row_number + 1 as row")
        return f"select {', '.join(columns)} from {self._scan}"

    def view(self, rejected: RejectedRows | None = None) -> str:  # noqa: ARG002
        return f"select {', '.join(map(name, self._types))} from {self._scan}"

    def is_reliable(self) -> bool:
        return True

    def locate(self, rows: Collection[int]) -> Mapping[int, RowLocation]:
        return {row: RowLocation(self.file.label, None, row) for row in rows}

    def explain(self, error: Exception) -> None:
        if str(self._path) in str(error):
            raise SourceFormatError(f"{self._where}: {reason(error)}", code="SYNC-0208")

    @cached_property
    def _types(self) -> dict[str, str]:
        import duckdb

        try:
            found = self._workspace.connection.execute(
                f"describe select * from {self._scan}"
            ).fetchall()
        except duckdb.Error as error:
            raise SourceFormatError(
                f"{self._where} is not a Parquet file: {reason(error)}", code="SYNC-0208"
            ) from None
        return {column: kind for column, kind, *_ in found if column != "file_row_number"}

    @cached_property
    def _path(self) -> Path:
        return self._workspace.readable(content(self._spec, self.file, self._workspace))

    @property
    def _scan(self) -> str:
        return f"read_parquet({literal(str(self._path))}, file_row_number = true)"
