"""By which values the account of a user is found who should not have one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scimsync.desired import compile_program
from scimsync.errors import ConfigError
from scimsync.model.ids import Key, Kind
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
    program = compile_program("wiki", MAPPING, scope, {}, {}, match=("externalId", "userName"))

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


WORK = 'emails[type eq "work"].value'


@pytest.mark.parametrize(
    ("match", "paths"),
    [
        # names are case-insensitive (RFC 7643 section 2.1)
        (("externalid", "USERNAME"), ("externalId", "userName")),
        (('EMAILS[Type EQ "work"].Value', "username"), (WORK, "userName")),
        (("urn:ietf:params:scim:schemas:core:2.0:User:userName",), ("userName",)),
        (("userName", "username"), ("userName",)),
    ],
)
def test_the_attributes_to_match_by_are_spelled_as_the_mapping_spells_them(
    match: tuple[str, ...], paths: tuple[str, ...]
) -> None:
    mapping = {**MAPPING, WORK: Expression("email")}

    program = compile_program("wiki", mapping, None, {}, {}, match=match)

    assert program.match_paths == paths
    assert program.match is not None
    assert {one.path for one in program.match.attributes} == set(paths)


@pytest.mark.parametrize(
    ("kind", "match", "paths"),
    [
        # one of the usual two may be unmapped, beside a mapped one
        (Kind.USER, ("externalId", "userName"), ("externalId", "userName")),
        (Kind.USER, ("USERNAME", "externalid"), ("userName", "externalId")),
        (Kind.GROUP, ("externalId", "displayName"), ("externalId", "displayName")),
    ],
)
def test_one_of_the_usual_attributes_may_be_unmapped(
    kind: Kind, match: tuple[str, ...], paths: tuple[str, ...]
) -> None:
    mapping = {"userName" if kind is Kind.USER else "displayName": Constant("x")}

    program = compile_program("wiki", mapping, None, {}, {}, kind=kind, match=match)

    assert program.match_paths == paths


@pytest.mark.parametrize(
    ("kind", "match", "problem", "hint"),
    [
        (
            Kind.USER,
            ("externalId", "userNmae"),
            "targets.wiki.match: userNmae is not mapped",
            'did you mean "userName"?',
        ),
        (
            Kind.USER,
            ('emails[type eq "work"].valeu', "userName"),
            'targets.wiki.match: emails[type eq "work"].valeu is not mapped',
            f'did you mean "{WORK}"?',
        ),
        (Kind.USER, ("nickName",), "nickName is not mapped", "map it, or leave it out here"),
        (Kind.USER, ("userName", "nickName"), "nickName is not mapped", "map it, or leave it out"),
        (Kind.USER, ("externalId",), "externalId is not mapped", "map it, or leave it out here"),
        (Kind.USER, ("id",), "targets.wiki.match: id: at character 1", None),
        (
            Kind.GROUP,
            ("displyName",),
            "targets.wiki.group.match: displyName is not mapped",
            'did you mean "displayName"?',
        ),
    ],
)
def test_nothing_can_be_matched_by_an_attribute_without_values(
    kind: Kind, match: tuple[str, ...], problem: str, hint: str | None
) -> None:
    mapping: dict[str, MappedValue] = {"displayName": Constant("x")}
    if kind is Kind.USER:
        mapping = {"userName": Constant("x"), WORK: Constant("x@example.com")}

    with pytest.raises(ConfigError) as caught:
        compile_program("wiki", mapping, None, {}, {}, kind=kind, match=match)

    assert problem in str(caught.value)
    assert (hint or "") in (caught.value.hint or "")
