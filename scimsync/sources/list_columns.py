"""The option `lists`: columns of text that hold several values, and how these are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from scimsync.settings import Table, Text, invalid


class ListFormat(Table):
    """How several values are written in one cell, if not with a separator between them."""

    format: Literal["json"] = Field(description="The cells are JSON arrays")


def _separator(text: str) -> str:
    if text in ("\n", "\r\n"):
        return "\n"
    if not text or "\n" in text or "\r" in text:
        raise invalid(
            "must be the separator between two values",
            hint='such as ";", or "\\n" for one value in a line',
            code="SYNC-0125",
        )
    return text


def _separator_or_format(value: object) -> object:
    if isinstance(value, ListFormat):
        return value
    if isinstance(value, Mapping):
        if dict(value) != {"format": "json"}:
            raise invalid(
                "is not a form of lists",
                hint='such as ";", "\\n" for one value in a line, or { format = "json" }',
                code="SYNC-0125",
            )
        return ListFormat(format="json")
    if not isinstance(value, str):
        raise invalid(
            "must be the separator between two values",
            hint='such as ";", or { format = "json" }',
            code="SYNC-0125",
        )
    return _separator(value)


Lists = Mapping[Text, Annotated[str, AfterValidator(_separator)]]
"""Names of columns, each with the separator between two values."""

FileLists = Mapping[Text, Annotated[str | ListFormat, BeforeValidator(_separator_or_format)]]
"""Names of columns, each with the separator between two values, or the form of the list."""
