"""The name beside a key: which expressions are taken, and what they give for a record."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.desired.display import DisplayName, compile_display_name, name_in_document
from scimsync.desired.parsed_expression import ExpressionLocation
from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.records import Record

TABLES = {"titles": {"dr": "Dr. "}}
GIVEN_FAMILY = "given ~ ' ' ~ family"


def compiled(text: str) -> DisplayName:
    location = ExpressionLocation("sync.toml", "display.name")
    return compile_display_name(text, location, {**TABLES, "read": ReadTable("hr")})


def name_of(text: str, **data: Any) -> str | None:
    return compiled(text).of_record(Record("hr", Key("1"), data))


@pytest.mark.parametrize(
    ("text", "data", "name"),
    [
        (GIVEN_FAMILY, {"given": "Kim", "family": "Lee"}, "Kim Lee"),
        (GIVEN_FAMILY, {"given": None, "family": "Lee"}, "Lee"),
        (GIVEN_FAMILY, {"family": "Lee"}, "Lee"),
        (GIVEN_FAMILY, {}, None),
        ("col['First Name'] | upper", {"First Name": "kim"}, "KIM"),
        ("(title | lookup('titles', '')) ~ family", {"title": "dr", "family": "Lee"}, "Dr. Lee"),
        ("badge", {"badge": 42}, "42"),
        # no name
        ("name", {"name": None}, None),
        ("name", {"name": "  "}, None),
        ("name", {"name": True}, None),
        ("name", {"name": ["Kim", "Lee"]}, None),
        ("given[3].upper() ~ family.upper()", {"given": "Kim", "family": "Lee"}, None),
        # one printable line of bounded length
        ("name", {"name": " Kim\n\tLee "}, "Kim Lee"),
        ("name", {"name": "\x1b[31mKim\u202e"}, "\\x1b[31mKim\\u202e"),
        ("name", {"name": "x" * 10_000}, "x" * 79 + "…"),
        ("name", {"name": "<b>Kim</b>"}, "<b>Kim</b>"),
    ],
)
def test_a_record_has_a_name(text: str, data: dict[str, Any], name: str | None) -> None:
    assert name_of(text, **data) == name


@pytest.mark.parametrize(
    "text",
    [
        "'Kim'",
        "1",
        "today",
        "now",
        "access",
        "'Admin' in access",
        "ref(manager)",
        "key | lookup('read')",
        "given ~ (today | string)",
    ],
)
def test_a_name_depends_on_columns_only(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^sync.toml: display.name: "):
        compiled(text)


@pytest.mark.parametrize(("text", "code"), [("given ~", "SYNC-0301"), ("a | nix", "SYNC-0303")])
def test_an_expression_that_does_not_compile_is_refused(text: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"displayName": "Kim Lee", "userName": "kim"}, "Kim Lee"),
        ({"name.formatted": "K. Lee", "name.givenName": "Kim"}, "K. Lee"),
        ({"name.givenName": "Kim", "name.familyName": "Lee"}, "Kim Lee"),
        ({"name.familyName": "Lee"}, "Lee"),
        ({"userName": "kim"}, None),
        ({"displayName": 3.5}, None),
        ({}, None),
    ],
)
def test_an_account_has_a_name(document: dict[str, Any], name: str | None) -> None:
    assert name_in_document(document) == name
