"""`[sources.NAME]` with `type = "file"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from scimsync.settings import Text, invalid
from scimsync.settings.text_types import quoted
from scimsync.sources.base import Source, SourceSettings, SourceSpec
from scimsync.sources.workspace import Workspace


def _path(text: str) -> str:
    if "\0" in text:
        raise invalid("no file has NUL in its name", code="SYNC-0123")
    return text


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise invalid(
            f"{quoted(name)} is not an encoding",
            hint='such as "utf-8", "latin-1", "utf-16"',
            code="SYNC-0124",
        ) from None
    return name


def _delimiter(text: str) -> str:
    if len(text) != 1 or text in '"\r\n\0 ':
        raise invalid(
            "must be one character", hint='such as ";", or "\\t" for a tab', code="SYNC-0125"
        )
    return text


def _separator(text: str) -> str:
    if not text or "\n" in text or "\r" in text:
        raise invalid(
            "must be the separator between two values", hint='such as ";"', code="SYNC-0125"
        )
    return text


class FileSettings(SourceSettings):
    """`[sources.NAME]`: files that hold one record in each row."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["query"]}]},
    )

    type: Literal["file"] = Field(description="Kind of source")
    path: Annotated[Text, AfterValidator(_path)] | None = Field(
        None,
        description=(
            "CSV, TSV, JSON, NDJSON or Parquet file, relative to the folder of sync.toml; "
            "a pattern such as hr-*.csv is one table"
        ),
    )
    query: Text | None = Field(
        None,
        description=(
            "SQL (DuckDB) over files, instead of path: select * from 'a.csv' join 'b.csv' using"
            " (id)"
        ),
    )
    lists: Mapping[Text, Annotated[str, AfterValidator(_separator)]] = Field(
        default_factory=dict,
        description="Columns that hold several values -> the separator between two values",
    )
    encoding: Annotated[Text, AfterValidator(_encoding)] | None = Field(
        None, description="Encoding of the file if it is not UTF-8"
    )
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = Field(
        None, description="Character between two fields; found out if it is not given"
    )

    @model_validator(mode="after")
    def _path_or_query(self) -> Self:
        if self.path is None and self.query is None:
            raise invalid("path is missing", code="SYNC-0107", hint='write path = "hr.csv"')
        if self.path is not None and self.query is not None:
            raise invalid(
                "has both path and query; one is needed",
                code="SYNC-0123",
                hint="a query names its files itself",
            )
        return self

    def open(self, spec: SourceSpec[FileSettings], workspace: Workspace) -> Source:
        """Find the files and read no more of them than their first bytes."""
        from scimsync.sources.file.source import PathSource, QuerySource

        return (PathSource if self.query is None else QuerySource)(spec, workspace)

    def watch(self, spec: SourceSpec[FileSettings]) -> tuple[str, ...]:
        """Return `path`, or the files and globs that `query` reads."""
        from scimsync.sources.file import query

        if self.path is not None:
            return (self.path,)
        with Workspace() as workspace:
            return tuple(query.parse(spec, workspace)[1])
