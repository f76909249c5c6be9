"""JMESPath over records, with the functions that APIs need."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.sources.http.jmespath_expressions import (
    ExpressionError,
    compiled,
    compiled_rows,
    is_true,
    root_fields,
)

RECORD = {
    "id": 7,
    "name": {"given": "Ann"},
    "empty": "",
    "start": 1703116800000,
    "hired": "/Date(1703116800000+0060)/",
    "attributes": [{"name": "dept", "value": ["IT"]}, {"name": "boss", "value": "bo"}, {"x": 1}],
    "groups": "a;b",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("@", RECORD),
        ("id", 7),
        ("name.given", "Ann"),
        ("name.given.first", None),
        ("id.given", None),
        ("attributes.name", None),
        ("missing.given", None),
        ("attributes[?name=='boss'].value | [0]", "bo"),
        ("to_object(attributes, 'name', 'value').dept[0]", "IT"),
        ("to_object(missing, 'name', 'value')", None),
        ("from_epoch_ms(start)", "2023-12-21T00:00:00Z"),
        ("from_epoch(`1703116800`)", "2023-12-21T00:00:00Z"),
        ("from_epoch(`0`)", None),
        ("from_epoch(missing)", None),
        ("from_wcf_date(hired)", "2023-12-21T00:00:00Z"),
        ("from_wcf_date(missing)", None),
        ("filled(empty, missing, name.given)", "Ann"),
        ("filled(empty, missing)", None),
        ("split(groups, ';')", ["a", "b"]),
        ("split(missing, ';')", None),
        ("lower(name.given)", "ann"),
        ("lower(missing)", None),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert compiled(text)(RECORD) == value


@pytest.mark.parametrize(
    "records",
    [
        [RECORD, {"id": 8, "name": {"given": "Bo", "family": {"first": "x"}}}],
        [RECORD, {}, {"name": None}, {"name": {}}, {"id": False, "name": ""}],
        [RECORD, {"name": "text"}],
        [RECORD, {"name": [{"given": "Bo"}]}],
        [{"name": {"given": 7, "family": "text"}}, RECORD],
        [RECORD, None, [], "text"],
        [],
    ],
)
def test_rows_have_the_value_of_each_expression(records: list[Any]) -> None:
    paths = {
        "number": "id",
        'it\'s "given"\n{': "name.given",
        "name": "name",
        "first": "name.family.first",
        "boss": "attributes[?name=='boss'].value | [0]",
        "all": "@",
    }

    rows = compiled_rows(paths)(records)

    assert rows == [
        {name: compiled(text)(record) for name, text in paths.items()} for record in records
    ]
    assert [list(row) for row in rows] == [list(paths)] * len(records)


@pytest.mark.parametrize("record", [None, [], "text", 7])
def test_a_path_over_something_else_is_null(record: Any) -> None:
    assert compiled("name.given")(record) is None
    assert compiled("a.b.c")(record) is None


def test_an_expression_that_does_not_apply_says_which_it_is() -> None:
    with pytest.raises(ExpressionError, match=r"split\(id, ';'\)"):
        compiled("split(id, ';')")(RECORD)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("@", ()),
        ("id", ("id",)),
        ("profile.email", ("profile",)),
        ("jobs[?primary].title | [0]", ("jobs",)),
        ("filled(a.b, c[0].d)", ("a", "c")),
        ("status == 'x' && !left", ("status", "left")),
        ("{x: a.b, y: c}", ("a", "c")),
    ],
)
def test_the_members_that_an_expression_reads(text: str, fields: tuple[str, ...]) -> None:
    assert set(root_fields(text)) == set(fields)


@pytest.mark.parametrize("value", [0, "0", [0], {"a": None}, True])
def test_what_is_true(value: Any) -> None:
    assert is_true(value)


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_what_is_not(value: Any) -> None:
    assert not is_true(value)
