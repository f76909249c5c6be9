"""Access rules, columns, the digest: what is known of a program before it sees a record."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scimsync.desired import (
    DesireError,
    Program,
    check_columns,
    compile_program,
)
from scimsync.errors import ConfigError
from scimsync.model.ids import Key, Kind
from scimsync.model.mappings import Constant, Expression, Generate
from scimsync.model.records import Record
from tests.error_text import text_of

TODAY = date(2026, 11, 24)


def program(scope: str | None = None, access: dict[str, str] | None = None, **more: Any) -> Program:
    mapping = {
        path: Expression(text)
        for path, text in {"userName": "email", **more.pop("mapping", {})}.items()
    }
    return compile_program("wiki", mapping, scope, access or {}, more.pop("tables", {}), **more)


def access_of(compiled: Program, **data: Any) -> tuple[str, ...]:
    return compiled.desire(Record("hr", Key("E1"), {"email": "a", **data}), TODAY).access


def test_rules_hold_in_the_order_of_their_definition_also_when_they_ask_for_later_ones() -> None:
    rules = {
        "Owner": "'Admin' in access and x",
        "Admin": "'Viewer' in access",
        "Viewer": "x",
        "Guest": "'Viewer' not in access",
    }
    compiled = program(access=rules, mapping={"roles": "access"})

    assert access_of(compiled, x=True) == ("Owner", "Admin", "Viewer")
    assert access_of(compiled, x=False) == ("Guest",)


def test_a_rule_is_true_or_false_whatever_its_column_holds() -> None:
    compiled = program(
        access={"A": "x", "B": "('A' in access) == true"}, mapping={"roles": "access"}
    )
    assert access_of(compiled, x="yes") == ("A", "B")
    assert access_of(compiled, x="no") == ()


def test_a_rule_that_the_scope_does_not_need_cannot_keep_a_leaver() -> None:
    compiled = program(
        "'Staff' in access",
        {"Admin": "level | int >= 5", "Staff": "status == 'active'"},
        mapping={"roles": "access"},
    )
    leaver = Record("hr", Key("E1"), {"email": "a", "status": "left", "level": "five"})

    assert compiled.rules == ("Admin", "Staff")
    assert not compiled.desire(leaver, TODAY).in_scope
    with pytest.raises(DesireError, match="five"):
        access_of(compiled, status="active", level="five")
    assert access_of(compiled, status="active", level="5") == ("Admin", "Staff")


def test_only_rules_that_are_asked_for_are_worked_out() -> None:
    rules = {"A": "1 / a", "B": "b", "C": "'B' in access"}

    assert program("'C' in access", rules).columns == ("b", "email")
    assert program("'C' in access", rules).rules == ("B", "C")
    assert program(None, rules).rules == ()
    assert program("access", rules).rules == ("A", "B", "C")
    assert program(None, rules, mapping={"title": "'x' if 'B' not in access"}).rules == ("B",)


@pytest.mark.parametrize(
    ("rules", "circle"),
    [
        (
            {"Admin": "'Auditor' in access", "Auditor": "'Admin' in access"},
            "Admin -> Auditor -> Admin",
        ),
        ({"Me": "x or 'Me' not in access"}, "Me -> Me"),
        ({"A": "'B' in access", "B": "'C' in access", "C": "'B' in access"}, "B -> C -> B"),
    ],
)
def test_rules_must_not_go_in_circles(rules: dict[str, str], circle: str) -> None:
    with pytest.raises(ConfigError) as caught:
        program(None, rules)
    assert caught.value.message.endswith("access rules refer to each other in a cycle")
    assert caught.value.details == (circle,)


@pytest.mark.parametrize(
    "rule",
    [
        "access | length > 1",
        "name in access",
        "access",
        "'A' is in access",
        "access[0] == 'A'",
        "'A' in access == true",
    ],
)
def test_a_rule_asks_for_another_by_name_only(rule: str) -> None:
    with pytest.raises(ConfigError) as caught:
        program(None, {"A": "x", "B": rule})
    assert (
        text_of(caught.value)
        == "sync.toml: access.B: an access rule can only refer to another one by name\n "
        f" {rule}\n  write 'Name' in access"
    )


@pytest.mark.parametrize(
    ("scope", "rules"),
    [
        ("'Viewr' in access", {}),
        (None, {"Other": "'Viewr' not in access"}),
        ("1 == 'Viewr' in access", {}),
    ],
)
def test_a_rule_that_is_not_there(scope: str | None, rules: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        program(scope, {"Viewer": "x", **rules})
    assert 'no access rule "Viewr"' in str(caught.value)
    assert 'did you mean "Viewer"?' in str(caught.value)


def test_columns_are_found_in_everything_that_is_worked_out() -> None:
    compiled = program(
        "x[a] == b.c and d | default(e) and f is sameas g",
        {"R": "col['Two Words']"},
        mapping={
            "title": "{'k': h, i: [j, (k, -l)]} if 'R' in access else ref(m) or today",
            "locale": "n[o:p]",
        },
    )
    assert set(compiled.columns) == {*"xabdefghijklmnop", "Two Words", "email"}
    assert compiled.uses_today
    assert not program().uses_today


def test_a_column_that_is_nowhere() -> None:
    with pytest.raises(ConfigError) as caught:
        check_columns(
            program(mapping={"userName": "mail"}), {"hr": ["employee_id", "email", "given"]}
        )
    assert (
        text_of(caught.value)
        == 'sync.toml: targets.wiki.user.userName: no column "mail" in source hr\n'
        "  found: employee_id, email, given\n"
        '  did you mean "email"?'
    )


def test_all_columns_that_are_nowhere_are_told_at_once() -> None:
    compiled = program(
        "Status",
        {},
        mapping={"title": "jobtitle ~ First_Name", 'emails[type eq "work"].value': "zzz"},
    )
    with pytest.raises(ConfigError) as caught:
        check_columns(compiled, {"staff": ["email", "First Name"], "guests": ["email", "status"]})
    assert (
        text_of(caught.value)
        == 'sync.toml: targets.wiki.scope: no column "Status" in sources staff, guests\n'
        "  found in staff: email, First Name\n"
        "  found in guests: email, status\n"
        '  also targets.wiki.user.title: no column "jobtitle"\n'
        '  also targets.wiki.user.title: no column "First_Name"\n'
        '  also targets.wiki.user.\'emails[type eq "work"].value\': no column "zzz"\n'
        '  did you mean "status"?'
    )


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("First_Name", "did you mean col['First Name']?"),
        ("Swedish", 'a constant text is written { value = "Swedish" }'),
        ("Swedish ~ email", None),
    ],
)
def test_hints_for_a_column_that_is_nowhere(expression: str, hint: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        check_columns(program(mapping={"locale": expression}), {"hr": ["email", "First Name"]})
    assert caught.value.hint == hint


def test_a_column_that_one_source_of_several_has_is_enough() -> None:
    check_columns(
        program(mapping={"title": "agency"}),
        {"employees": ["email"], "contractors": ["email", "agency"]},
    )


def test_the_digest_changes_with_what_decides_the_result_and_with_nothing_else() -> None:
    base: dict[str, Any] = {
        "mapping": {
            "userName": Expression("email"),
            "title": Expression("code | lookup('sites') if 'A' in access"),
        },
        "scope": "x",
        "access": {"A": "'B' in access", "B": "y", "Unused": "z"},
        "tables": {"sites": {"B": "Berlin"}, "unused": {"a": "b"}},
    }

    def after(name: str = "wiki", **change: Any) -> str:
        return compile_program(name, **{**base, **change}).digest

    before = after()
    assert after() == before
    assert len(before) == 32
    assert after(access=base["access"] | {"Unused": "other", "New": "n"}) == before
    assert after(tables=base["tables"] | {"unused": {}}) == before
    assert after(mapping=dict(reversed(base["mapping"].items()))) == before
    assert after(name="elsewhere") == before

    others = [
        after(mapping=base["mapping"] | {"userName": Expression("email | lower")}),
        after(mapping=base["mapping"] | {"userName": Expression("email", once=True)}),
        after(mapping=base["mapping"] | {"userName": Constant("email")}),
        after(mapping=base["mapping"] | {"active": Constant(True)}),
        after(mapping=base["mapping"] | {"active": Constant("true")}),
        after(mapping=base["mapping"] | {"locale": Constant(date(2026, 1, 1))}),
        after(mapping=base["mapping"] | {"locale": Constant("2026-01-01")}),
        after(mapping=base["mapping"] | {"password": Generate(16)}),
        after(mapping=base["mapping"] | {"password": Generate(17)}),
        after(scope=None),
        after(scope="not x"),
        after(access=base["access"] | {"B": "not y"}),
        after(tables={"sites": {"B": "Bonn"}, "unused": {}}),
    ]
    assert len({before, *others}) == len(others) + 1


@pytest.mark.parametrize(
    "expression", ["code | lookup(table)", "[code] | map('lookup', 'a')", "[code] | map(x, 'a')"]
)
def test_a_table_that_is_chosen_at_run_time_is_part_of_the_digest(expression: str) -> None:
    mapping = {"title": expression}
    one, two = (program(mapping=mapping, tables={"a": {"x": number}}) for number in (1, 2))
    assert one.digest != two.digest


@pytest.mark.parametrize("path", ["id", "meta", "meta.created", "schemas", "groups", "Groups"])
def test_what_the_service_provider_sets_cannot_be_mapped(path: str) -> None:
    with pytest.raises(ConfigError, match="is set by the service provider and cannot be mapped"):
        program(mapping={path: "x"})


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        (
            {"username": "x"},
            "sync.toml: targets.wiki.user.username: sets the same value as 'userName'",
        ),
        ({"name.givenName": "x", "Name.GivenName": "y"}, "sets the same value as 'name.givenName'"),
        ({"name": "x", "name.givenName": "y"}, "sets a part of the same attribute as 'name'"),
        (
            {"emails": "x", 'emails[type eq "work"].value': "y"},
            "sets a part of the same attribute as 'emails'",
        ),
        (
            {'emails[type eq "work"].value': "x", 'emails[TYPE eq "Work"].Value': "y"},
            "sets the same value as",
        ),
        (
            {'emails[type ne "work"].value': "x"},
            "the filter of a mapping must identify its element",
        ),
        ({"emails.value": "x"}, "'emails' holds several values; say which"),
        ({"name..x": "x"}, "expected"),
        ({"": "x"}, 'targets.wiki.user."": expected an attribute name'),
    ],
)
def test_paths_that_cannot_be_set(mapping: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        program(mapping=mapping)
    assert problem in text_of(caught.value)


def test_a_mapping_needs_lines_and_the_required_one() -> None:
    with pytest.raises(ConfigError, match=r"targets\.wiki\.user: maps no attribute"):
        compile_program("wiki", {}, None, {}, {})
    with pytest.raises(
        ConfigError, match=r"targets\.wiki\.user: userName is required and not mapped"
    ):
        compile_program("wiki", {"title": Expression("x")}, None, {}, {})
    with pytest.raises(
        ConfigError, match=r"targets\.wiki\.group: displayName is required and not mapped"
    ):
        compile_program("wiki", {"externalId": Expression("x")}, None, {}, {}, kind=Kind.GROUP)
    with pytest.raises(
        ConfigError, match=r"targets\.wiki\.user\.userName: is required and must not be empty"
    ):
        compile_program("wiki", {"userName": Constant("")}, None, {}, {})


@pytest.mark.parametrize(
    ("path", "constant", "problem"),
    [
        ("active", Constant("perhaps"), "it takes true or false"),
        ("active", Expression("'perhaps'"), "it takes true or false"),
        ("title", Constant(True), "it takes text"),
        ("title", Expression("1 / 0"), "division by zero"),
        ("title", Expression("[][0]"), "a list has no element 0"),
        ("locale", Constant(float("nan")), "nan is not a number"),
    ],
)
def test_a_constant_that_cannot_be_sent_is_found_before_anything_is_read(
    path: str, constant: Any, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_program(
            "wiki", {"userName": Expression("x"), path: constant}, None, {}, {}, where="people.toml"
        )
    assert str(caught.value).startswith(f"people.toml: targets.wiki.user.{path}: ")
    assert problem in text_of(caught.value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("email | | lower", 'unexpected "|"\n  email | | lower\n          ^'),
        (
            "Ann Smith",
            "unexpected \"Smith\"\n  Ann Smith\n      ^\n  texts are in quotes: 'Ann';",
        ),
        ("(email", "the expression ends too early\n  (email\n        ^"),
        ("email)", "unexpected ')'\n  email)"),
        ("'abc", "a quote is not closed\n  'abc\n  ^"),
        ("email $ 3", "unexpected '$'\n  email $ 3\n        ^"),
        ("x\n y z", 'unexpected "y"\n  x y z'),
        ("  ", "the expression is empty"),
        ("{{ email }}", "an expression is written without {{ }}"),
        ("{% if x %}", "an expression is written without {{ }}"),
        ("(" * 3000, "nested too deeply"),
        ("email | lowr", 'no filter "lowr"\n  email | lowr\n  did you mean "lower"?'),
        ("email | map('lowr')", 'no filter "lowr"'),
        ("email | random", 'no filter "random": it would give another value on every run'),
        ("email | escape", 'no filter "escape": it is for HTML'),
        ("email | access", 'no filter "access"'),
        ("email is nothing", 'no test "nothing"'),
        ("x | select('nothing')", 'no test "nothing"'),
        ("x | selectattr('a', 'nothing')", 'no test "nothing"'),
        ("lower(email)", 'no function "lower"\n  lower(email)\n  write … | lower'),
        ("range(3)", 'no function "range"'),
        ("[1](2)", "only methods can be called"),
        (
            "x | lookup('site')",
            'no table "site"\n  x | lookup(\'site\')\n  found: sites\n  did you mean "sites"?',
        ),
        ("x | map('lookup', 'site')", 'no table "site"'),
        ("x | lookup(table='site')", 'no table "site"'),
        ("x | lookup", "lookup takes the name of a table"),
        ("ref", "ref is a function of one key\n  ref\n  write ref(manager_id)"),
        ("ref()", "ref is a function of one key"),
        ("ref(a, b)", "ref is a function of one key"),
        ("ref(*a)", "ref is a function of one key"),
        ("col", "col takes the name of a column: col['First Name']"),
        ("col[x]", "col takes the name of a column in quotes"),
        ("col[0]", "col takes the name of a column in quotes"),
        ("col.email", "col takes the name of a column"),
        ("'{}'.format(x)", 'there is no "format" of texts in expressions'),
    ],
)
def test_what_is_wrong_with_an_expression_is_told_with_its_place(
    expression: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        program(mapping={"title": expression}, tables={"sites": {}})
    assert f"sync.toml: targets.wiki.user.title: {message}".replace(
        "title: nested", "title: the expression is nested"
    ) in text_of(caught.value)
