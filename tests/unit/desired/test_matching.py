"""By which values the account of a user is found who should not have one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scimsync.desired import compile_program
from scimsync.model.ids import Key
from scimsync.model.mappings import Constant, Expression, MappedValue
from scimsync.model.records import Record

TODAY = date(2026, 11, 24)
MAPPING: dict[str, MappedValue] = {
    "userName": Expression("email | lower"),
    "externalId": Expression("number + 1"),
    "title": Expression("title + 1"),
}
ANN = {"email": "Ann@x.org", "number": 4, "state": "active"}
LEFT = ANN | {"state": "left"}


@pytest.mark.parametrize(
    ("scope", "data", "in_scope", "values", "failing"),
    [
        # no scope, in scope, out of scope
        (None, ANN, True, {"userName": "ann@x.org", "externalId": "5"}, []),
        ("state == 'active'", ANN, True, {"userName": "ann@x.org", "externalId": "5"}, []),
        ("state == 'active'", LEFT, False, {"userName": "ann@x.org", "externalId": "5"}, []),
        # one that fails leaves the others; an attribute that is not in `match` does not matter
        (None, ANN | {"number": "x"}, True, {"userName": "ann@x.org"}, ["externalId"]),
        # nothing is absent
        (None, {"email": "", "number": 4}, True, {"externalId": "5"}, []),
        # a scope that cannot be told
        ("number + 1", ANN | {"number": "x"}, None, {"userName": "ann@x.org"}, ["externalId"]),
    ],
)
def test_values_to_match_by(
    scope: str | None,
    data: dict[str, Any],
    in_scope: bool | None,
    values: dict[str, str],
    failing: list[str],
) -> None:
    program = compile_program(
        "wiki", MAPPING, scope, {}, {}, match=("externalId", "userName", "displayName")
    )

    found = program.match_values(Record("hr", Key("E17"), data), TODAY)

    assert (found.in_scope, found.values, list(found.failures)) == (in_scope, values, failing)


def test_a_constant_and_an_access_rule_have_a_value() -> None:
    program = compile_program(
        "wiki",
        {"userName": Expression("'boss' if 'Boss' in access else 'none'"), "title": Constant("x")},
        None,
        {"Boss": "level == 'high'"},
        {},
        match=("userName", "title"),
    )

    found = program.match_values(Record("hr", Key("E17"), {"level": "high"}), TODAY)

    assert found.values == {"userName": "boss", "title": "x"}


def test_a_record_that_is_nested_too_deeply_has_none() -> None:
    program = compile_program("wiki", MAPPING, None, {}, {}, match=("userName",))

    found = program.match_values(Record("hr", Key("E17"), {}, too_deep=True), TODAY)

    assert (found.in_scope, found.values) == (None, {})


def test_whose_an_account_is_shows_in_external_id_and_user_name_too() -> None:
    program = compile_program("wiki", MAPPING, None, {}, {}, match=("title",))

    found = program.identity_values(Record("hr", Key("E17"), ANN | {"title": 1}), TODAY)

    assert found.values == {"userName": "ann@x.org", "externalId": "5", "title": "2"}
