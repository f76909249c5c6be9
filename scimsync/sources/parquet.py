# ruff: noqa: S608 - SQL of quoted names only
"""Parquet, values kept as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

from scimsync.errors import SourceFormatError
from scimsync.sources.duck import Workspace, literal, name, reason
from scimsync.sources.files import File
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import BadRows


class Parquet:
    """A Parquet file."""

    def __init__(self, spec: FileSpec, file: File, workspace: Workspace) -> None:
        self.file = file
        self._spec = spec
        self._workspace = workspace

    def types(self) -> Mapping[str, str]:
        return self._types

    def type_of(self, column: str) -> str | None:
        return self._types.get(column)

    def select(self, names: Sequence[str], bad: BadRows | None = None) -> str:
        columns = [
            f"{name(column) if column in self._types else 'null'} as c{at}"
            for at, column in enumerate(names)
        ]
        if bad is not None:
            columns.append("file_row_number + 1 as row")
        return f"select {', '.join(columns)} from {self._scan}"

    def view(self, bad: BadRows | None = None) -> str:  # noqa: ARG002 - there are no bad rows
        return f"select {', '.join(map(name, self._types))} from {self._scan}"

    def lines(self, rows: Collection[int]) -> Mapping[int, int]:  # noqa: ARG002 - there are no lines
        return {}

    def explain(self, error: Exception) -> None:
        if str(self.file.path) in str(error):
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label}: {reason(error)}"
            )

    @cached_property
    def _types(self) -> dict[str, str]:
        import duckdb

        try:
            found = self._workspace.connection.execute(
                f"describe select * from {self._scan}"
            ).fetchall()
        except duckdb.Error as error:
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label} is not a Parquet file:"
                f" {reason(error)}"
            ) from None
        return {column: kind for column, kind, *_ in found if column != "file_row_number"}

    @property
    def _scan(self) -> str:
        path = literal(str(self._workspace.readable(self.file.path)))
        return f"read_parquet({path}, file_row_number = true)"
