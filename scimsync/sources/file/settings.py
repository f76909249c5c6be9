"""`[sources.NAME]` with `type = "file"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from scimsync.settings import Text, invalid
from scimsync.settings.text_types import quoted
from scimsync.sources.base import Source, SourceSettings, SourceSpec
from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.list_columns import FileLists, ListFormat
from scimsync.sources.workspace import Workspace

_MOST_SKIPPED = 1_000_000


def _path(text: str) -> str:
    if "\0" in text:
        raise invalid("a file name cannot contain a NUL character", code="SYNC-0123")
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


def _skip(number: object) -> object:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MOST_SKIPPED:
        raise invalid("must be a number of lines", hint="such as 2", code="SYNC-0125")
    return number


def _headers(names: object) -> object:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise invalid(
            "must be a list of strings, one for each column",
            hint='such as ["id", "name", "email"]',
            code="SYNC-0111",
        )
    stripped = tuple(name.strip(WHITE_SPACE) for name in names)
    for name in stripped:
        if name and stripped.count(name) > 1:
            raise invalid(
                f"contains {quoted(name)} twice",
                hint='write "" for a column that is not needed',
                code="SYNC-0111",
            )
    if not any(stripped):
        raise invalid("must name at least one column", code="SYNC-0111")
    return stripped


def _comment(text: str) -> str:
    if not text or text.isspace() or set(text) & set('"\r\n\0'):
        raise invalid(
            "must be the text that begins a comment line", hint='such as "#"', code="SYNC-0125"
        )
    return text.lstrip()


class FileSettings(SourceSettings):
    """`[sources.NAME]`: files that hold one record in each row."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["query"]}]},
    )

    type: Literal["file"] = Field(description="Kind of source")
    path: Annotated[Text, AfterValidator(_path)] | None = Field(
        None,
        description=(
            "CSV, TSV, JSON, NDJSON, Parquet or Excel file, packed as .gz or .zip or not, relative"
            " to the folder of sync.toml; a pattern such as hr-*.csv is one table"
        ),
    )
    query: Text | None = Field(
        None,
        description=(
            "SQL (DuckDB) over files, instead of path: select * from 'a.csv' join 'b.csv' using"
            " (id)"
        ),
    )
    lists: FileLists = Field(
        default_factory=dict,
        description=(
            "Columns that hold several values -> the separator between two values, or the form of"
            " the list"
        ),
        examples=[{"groups": ";", "teams": "\n", "roles": {"format": "json"}}],
    )
    encoding: Annotated[Text, AfterValidator(_encoding)] | None = Field(
        None, description="Encoding of the file if it is not UTF-8"
    )
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = Field(
        None, description="Character between two fields; detected if omitted"
    )
    skip: Annotated[int, BeforeValidator(_skip)] | None = Field(
        None,
        description=("Lines above the header of a CSV or TSV file; detected if omitted"),
    )
    headers: Annotated[tuple[str, ...], BeforeValidator(_headers)] | None = Field(
        None,
        description=(
            'Names of the columns of a CSV or TSV file without a header; "" for one that is not'
            " needed"
        ),
        examples=[["id", "name", "email"]],
    )
    comment: Annotated[str, AfterValidator(_comment)] | None = Field(
        None,
        description="The text that begins comment lines in a CSV or TSV file",
        examples=["#"],
    )
    trim: bool = Field(
        True, description="Whether white space around the cells of CSV and TSV files is removed"
    )
    sheet: Text | None = Field(
        None,
        description="Name of the sheet of an Excel file; needed if several sheets have cells",
        examples=["Staff"],
    )
    where: Text | None = Field(
        None,
        description="Condition (DuckDB SQL) that rows must meet; other rows are left out",
        examples=["status <> ''"],
    )
    pick: Text | None = Field(
        None,
        description=("Order (DuckDB ORDER BY) of the rows with the same key; the first one counts"),
        examples=["status = 'active' desc, start desc"],
    )

    @model_validator(mode="after")
    def _path_or_query(self) -> Self:
        if self.path is None and self.query is None:
            raise invalid("path is missing", code="SYNC-0107", hint='write path = "hr.csv"')
        if self.path is not None and self.query is not None:
            raise invalid(
                "has both path and query; only one is allowed",
                code="SYNC-0123",
                hint="a query names its files itself",
            )
        return self

    @property
    def separators(self) -> Mapping[str, str]:
        """The columns whose cells have a separator between two values."""
        return {name: form for name, form in self.lists.items() if isinstance(form, str)}

    @property
    def json_lists(self) -> frozenset[str]:
        """The columns whose cells are JSON arrays."""
        return frozenset(n for n, form in self.lists.items() if isinstance(form, ListFormat))

    def open(self, spec: SourceSpec[FileSettings], workspace: Workspace) -> Source:
        """Find the files and read no more of them than their first bytes."""
        from scimsync.sources.file.source import PathSource, QuerySource

        return (PathSource if self.query is None else QuerySource)(spec, workspace)

    def watch(self, spec: SourceSpec[FileSettings]) -> tuple[str, ...]:
        """Return `path`, or the files and globs that `query` reads; the ZIP file of a member."""
        from scimsync.sources.file import file_query
        from scimsync.sources.file.packed import split_path

        if self.path is not None:
            return (split_path(spec.base_dir, self.path)[0],)
        with Workspace() as workspace:
            names = file_query.parse(spec, workspace)[1]
        return tuple(dict.fromkeys(split_path(spec.base_dir, name)[0] for name in names))
