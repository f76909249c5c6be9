"""How lists are read from an HTTP API, as data: calls, paging, columns, joins.

`[sources.NAME]` in sync.toml and the presets use these models alike; `preset` describes the format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from scimsync.settings import AtLeast, Table, Text, invalid
from scimsync.settings.text_types import quoted, toml_type
from scimsync.sources.http.api import Statuses
from scimsync.sources.http.jmespath_expressions import Expression

_PLACE = re.compile(r"(query|body|header)\.(.+)")
_END = re.compile(r"absent|empty_string|zero|empty_page|short_page|total|status:[1-5]\d\d")

PagingKind = Literal[
    "none",
    "body_token",
    "body_url",
    "body_relative_url",
    "link_header",
    "header_token",
    "page",
    "offset",
    "last_id",
]
Param = str | int | float | bool | list[str]


def _place(text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise invalid(
            f"{quoted(text)} is not a place in a request",
            hint='write "query.NAME", "body.PATH" or "header.NAME"',
            code="SYNC-0271",
        )
    return text


def _ends(value: object) -> object:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple):
        raise invalid(f"must be a string or a list, not {toml_type(value)}", code="SYNC-0271")
    for word in words:
        if not isinstance(word, str) or not _END.fullmatch(word):
            raise invalid(
                f"{quoted(str(word))} is not the end of a list",
                hint=(
                    "one of absent, empty_string, zero, empty_page, short_page, total,"
                    " status:204 (or another status)"
                ),
                code="SYNC-0271",
            )
    return list(words)


Place = Annotated[Text, AfterValidator(_place)]
"""Where a value goes in a request: `query.NAME`, `body.a.b` (JSON) or `header.NAME`."""

Ends = Annotated[list[str], BeforeValidator(_ends, json_schema_input_type=str | list[str])]


class PageSize(Table):
    """`paging.size`: how many records to request."""

    model_config = ConfigDict(populate_by_name=True)

    place: Place = Field(alias="in", description="Where the number goes", examples=["query.limit"])
    max: Annotated[int, Field(ge=1)] = Field(description="The maximum that the API allows")
    use: Annotated[int, Field(ge=1)] | None = Field(
        None, description="How many to request, if fewer than `max`"
    )

    @property
    def number(self) -> int:
        """How many records to request in one request."""
        return min(self.use or self.max, self.max)


class Paging(Table):
    """`paging`: where the next page is, and how to recognize the end."""

    model_config = ConfigDict(populate_by_name=True)

    kind: PagingKind = Field(description="How to request the pages of a list")
    place: Place | None = Field(
        None,
        alias="in",
        description="Where the token, page number, offset or last id goes",
        examples=["query.pageToken"],
    )
    out: Text | None = Field(
        None,
        description=(
            "Where the response has the token or URL of the next page: a JMESPath expression over"
            " the body, the name of a header (header_token), or the relation of a Link header"
            ' ("next"); for last_id an expression over the last record'
        ),
    )
    start: int | str | None = Field(
        None, description="The number of the first page, the first offset, or the first token"
    )
    step: Literal["received", "size"] = Field(
        "received",
        description="How an offset increases: by the records received, or by the size of a page",
    )
    end: Ends | None = Field(None, description="How to recognize the end of the list")
    size: PageSize | None = Field(None, description="How many records to request")
    total: Text | None = Field(
        None,
        description=(
            "Where the response says how many records there are: JMESPath, or header.NAME; the list"
            " is only complete with as many"
        ),
    )
    total_may_be_missing: bool = Field(
        False,
        description=("Whether some servers send no total, so that it is checked only if present"),
    )
    first_only: list[str] = Field(
        default_factory=list, description="Parameters of the query that only the first request has"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        needs_place = self.kind in ("body_token", "header_token", "page", "offset", "last_id")
        if needs_place and self.place is None:
            raise invalid(
                f'kind = "{self.kind}" needs in',
                hint='where the value goes: "query.NAME", "body.PATH" or "header.NAME"',
                code="SYNC-0271",
            )
        needs_out = self.kind in (
            "body_token",
            "body_url",
            "body_relative_url",
            "header_token",
            "last_id",
        )
        if needs_out and self.out is None:
            raise invalid(
                f'kind = "{self.kind}" needs out',
                hint="where the response has the next token or URL",
                code="SYNC-0271",
            )
        self._check_end()
        return self

    def _check_end(self) -> None:
        if self.kind in ("page", "offset") and isinstance(self.start, str):
            raise invalid("start must be a number", code="SYNC-0271")
        if self.step == "size" and self.size is None:
            raise invalid('step = "size" needs size', code="SYNC-0271")
        if "short_page" in self.ends and self.size is None:
            raise invalid('end = "short_page" needs size', code="SYNC-0271")
        if self.total_may_be_missing and (self.total is None or "total" in self.ends):
            raise invalid("total_may_be_missing needs total, and a different end", code="SYNC-0271")
        if "total" in self.ends and self.total is None:
            raise invalid('end = "total" needs total', code="SYNC-0271")

    @property
    def ends(self) -> list[str]:
        """How the end looks; by default, as nearly all APIs of this kind do it."""
        if self.end is not None:
            return self.end
        return (
            ["empty_page"]
            if self.kind in ("page", "offset", "last_id")
            else ["absent", "empty_string"]
        )

    @property
    def by_index(self) -> bool:
        """Whether pages are counted, so that a list that moves loses or repeats records."""
        return self.kind in ("page", "offset")


class ColumnFacts(Table):
    """A column with more than its expression."""

    path: Expression = Field(description="JMESPath over the record")
    fields: list[str] | None = Field(
        None, description="What to request; by default the members of the record that `path` reads"
    )
    params: Mapping[str, Param] = Field(
        default_factory=dict, description="Parameters to send if the column is used"
    )
    filled: AtLeast | None = Field(
        None, description="Records that must have a value: a number or a percentage"
    )
    hint: Text | None = Field(
        None, description=("Why it may be empty in all records, such as a missing scope")
    )


def _column(value: object) -> object:
    if isinstance(value, str):
        return {"path": value}
    return value


Column = Annotated[ColumnFacts, BeforeValidator(_column, json_schema_input_type=Text | ColumnFacts)]
"""A JMESPath expression, or a table."""


class Call(Table):
    """A request that brings records, on one page or several."""

    refusals: ClassVar[frozenset[int]] = frozenset()
    """Statuses that mean that the list has to be read in another way."""

    method: Literal["GET", "POST"] = Field("GET", description="Method of the request")
    params: Mapping[str, Param] = Field(
        default_factory=dict, description="Parameters of the query; a list repeats its name"
    )
    body: Mapping[str, Any] | None = Field(None, description="JSON body of a POST")
    format: Literal["json", "csv"] = Field("json", description="Format of the responses")
    records: Expression = Field(
        "@", description="JMESPath of the list of records in the body", examples=["users"]
    )
    absent_is_empty: bool = Field(
        False, description="Whether an object without the list may be an empty page"
    )
    where: Expression | None = Field(
        None, description="JMESPath over a record: only those count for which it is true"
    )
    paging: Paging = Field(
        default_factory=lambda: Paging(kind="none"), description="How the list is paged"
    )
    truncated: Expression | None = Field(
        None, description="JMESPath over the body that is true if the list was cut"
    )


class Fields(Table):
    """`fields`: requests only the fields that used columns need."""

    model_config = ConfigDict(populate_by_name=True)

    place: Place = Field(alias="in", description="Where their names go", examples=["query.fields"])
    join: str | None = Field(
        ",", description='What separates the names; "" for a list of values', examples=[","]
    )
    always: list[str] = Field(default_factory=list, description="Names that are always requested")


class ListRead(Table):
    """`[[reads]]`: one of several reads that together make up the list."""

    params: Mapping[str, Param] = Field(default_factory=dict, description="Further parameters")


class Probe(Table):
    """`[[probes]]`: a call that shows whether the credentials see the whole list."""

    path: Text = Field(description="Path below the base URL")
    params: Mapping[str, Param] = Field(default_factory=dict, description="Parameters")
    count: Expression | None = Field(
        None, description="JMESPath of the number of records that the list has"
    )
    expect: Expression | None = Field(None, description="JMESPath that is true if the check passes")
    hint: Text | None = Field(None, description="What the administrator can do if it is not")

    @model_validator(mode="after")
    def _check_probe(self) -> Self:
        if self.count is None and self.expect is None:
            raise invalid("needs count or expect", code="SYNC-0271")
        return self


class Join(Call):
    """`[[joins]]`: records of another call, put into each record.

    With `on` and `key` the other list is read once; without them, there is one call for each
    record.
    """

    into: Text = Field(description="The member of the record that gets the result")
    path: Text = Field(
        description=(
            "Path below the base URL; {…} holds JMESPath over the record, in calls for each record"
        ),
    )
    on: Expression | None = Field(None, description="JMESPath over the record")
    key: Expression | None = Field(None, description="JMESPath over the other record")
    many: bool = Field(False, description="Whether several other records belong to one record")
    one: bool = Field(False, description="Whether `records` is one object instead of a list")
    absent: Statuses = Field(
        default_factory=list, description="Statuses that mean that there is no value"
    )
    when: Expression | None = Field(
        None, description="JMESPath over the record: the call is made only if it is true"
    )

    @model_validator(mode="after")
    def _check_join(self) -> Self:
        if (self.on is None) != (self.key is None):
            raise invalid("on and key must be used together", code="SYNC-0271")
        if self.on is not None and (self.one or self.when or self.absent):
            raise invalid("one, when and absent are for calls for each record", code="SYNC-0271")
        return self


class ListCall(Call):
    """The list of records that a source consists of."""

    columns: Mapping[Text, Column] = Field(
        default_factory=dict,
        description="Names of columns -> JMESPath over a record; its members if omitted",
    )
    fields: Fields | None = Field(None, description="How to request fields")
    reads: list[ListRead] = Field(
        default_factory=list, description="Reads that together make up the list"
    )
    hidden: Expression | None = Field(
        None, description="JMESPath over a record: names of fields that the credentials cannot see"
    )
    probes: list[Probe] = Field(default_factory=list, description="Calls that show lost rights")
    joins: list[Join] = Field(default_factory=list, description="Further calls")
