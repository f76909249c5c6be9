"""What a record becomes: the rules for values, absent ones, elements, references, and what is sent
once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from scimsync.desired import Desired, DesireError, compile_program
from scimsync.model.ids import Key, Kind
from scimsync.model.mappings import (
    Constant,
    Expression,
    Generate,
    MappedValue,
)
from scimsync.model.placeholders import IdOf
from scimsync.model.records import Record
from tests.error_text import text_of

TODAY = date(2026, 11, 24)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def desired(
    mapping: Mapping[str, str | MappedValue],
    data: Mapping[str, Any] | None = None,
    *,
    scope: str | None = None,
    access: Mapping[str, str] | None = None,
    tables: Mapping[str, Mapping[str, object]] | None = None,
) -> Desired:
    lines = {
        path: Expression(mapped) if isinstance(mapped, str) else mapped
        for path, mapped in mapping.items()
    }
    if not any(path.lower() == "username" for path in mapping):
        lines["userName"] = Constant("ann@example.com")
    program = compile_program("wiki", lines, scope, access or {}, tables or {})
    return program.desire(Record("hr", Key("E17"), data or {}), TODAY)


def value(path: str, expression: str | MappedValue, **data: Any) -> Any:
    """What the attribute `path` is; None where it is absent."""
    return desired({path: expression}, data).document.get(path)


def failure(path: str, expression: str, **data: Any) -> str:
    with pytest.raises(DesireError) as caught:
        desired({path: expression}, data)
    return text_of(caught.value)


def test_a_record_becomes_the_document_that_the_mapping_describes() -> None:
    found = desired(
        {
            "externalId": "employee_id",
            "userName": "email | lower",
            "name.givenName": "given",
            "displayName": "given ~ ' ' ~ family",
            "active": Constant(True),
            'emails[type eq "work"].value': "email | lower",
            'emails[type eq "work"].primary': Constant(True),
            f"{ENTERPRISE}:department": "col['Dept. Name']",
            f"{ENTERPRISE}:manager.value": "ref(manager_id)",
            "roles": "access",
            "locale": Expression("'en'", once=True),
            "password": Generate(32),
        },
        {
            "employee_id": "E17",
            "email": "Ann@Example.com",
            "given": "Ann",
            "family": "Example",
            "Dept. Name": "IT",
            "manager_id": "E2",
            "status": "active",
        },
        scope="'Viewer' in access",
        access={
            "Admin": "'Viewer' in access and col['Dept. Name'] == 'IT'",
            "Viewer": "status == 'active'",
        },
    )

    assert found == Desired(
        Key("E17"),
        in_scope=True,
        access=("Admin", "Viewer"),
        document={
            "externalId": "E17",
            "userName": "ann@example.com",
            "name.givenName": "Ann",
            "displayName": "Ann Example",
            "active": True,
            'emails[type eq "work"].value': "ann@example.com",
            'emails[type eq "work"].primary': True,
            f"{ENTERPRISE}:department": "IT",
            f"{ENTERPRISE}:manager.value": IdOf(Key("E2")),
            "roles": [{"value": "Admin"}, {"value": "Viewer"}],
        },
        once={"locale": "en"},
        generate={"password": 32},
    )


def test_out_of_scope_nothing_is_mapped_so_bad_data_cannot_keep_a_leaver() -> None:
    found = desired(
        {"userName": "email", "active": "status", "password": Generate(12)},
        {"email": "", "status": "perhaps"},
        scope="status == 'active'",
    )

    assert found == Desired(Key("E17"), in_scope=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("", None),
        ([], None),
        ({}, None),
        ([None, "", [], {"a": None}], None),
        ({"a": "", "b": {"c": [None]}, "d": 0}, {"d": 0}),
        (["x", "", None, "y"], ["x", "y"]),
        (False, False),  # a value like any other
        (0, 0),
        (" text ", " text "),  # sent as it is
        ((1, 2), [1, 2]),
        ({1: "x"}, {"1": "x"}),
        (date(2026, 1, 2), "2026-01-02"),
        ([date(2026, 1, 2)], ["2026-01-02"]),
        (1.5, 1.5),
    ],
)
def test_none_and_empty_are_absent_and_the_rest_is_json(given: Any, expected: Any) -> None:
    assert value("urn:example:people:User:thing", "x", x=given) == expected


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (float("nan"), "nan is not a number that can be sent"),
        ([float("inf")], "inf is not a number that can be sent"),
        (2**64, "the number is too large"),
        (object(), "object is not a value that can be sent"),
        ("half \ud83d", "contains half a character (a lone surrogate)"),
        (b"bytes", "is not a value that can be sent"),
    ],
)
def test_what_json_does_not_know_fails(given: Any, detail: str) -> None:
    assert detail in failure("urn:example:people:User:thing", "x", x=given)


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("externalId", 17, "17"),
        ("displayName", 17.0, "17"),
        ("displayName", 1.5, "1.5"),
        ("name.familyName", 3, "3"),
        (f"{ENTERPRISE}:employeeNumber", 12, "12"),
        ('phoneNumbers[type eq "work"].value', 491234, "491234"),
        ('addresses[type eq "work"].postalCode', 1011, "1011"),
        ("urn:example:people:User:badge", 17, 17),  # of its type nothing is known
    ],
)
def test_numbers_become_text_where_the_attribute_is_known_to_be_text(
    path: str, given: Any, expected: Any
) -> None:
    assert value(path, "x", x=given) == expected


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (["a"], 'it takes text, but the expression gave a list: ["a"]'),
        ({"a": 1}, 'it takes text, but the expression gave a table: {"a": 1}'),
        (True, "it takes text, but the expression gave true"),
    ],
)
def test_other_things_are_no_text(given: Any, detail: str) -> None:
    assert detail in failure("displayName", "x", x=given)


@pytest.mark.parametrize(
    "path",
    [
        "active",
        'emails[type eq "work"].primary',
        "urn:ietf:params:scim:schemas:core:2.0:User:Active",
    ],
)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *[(word, True) for word in ("true", "TRUE", "Yes", "1", 1, True, " true ")],
        *[(word, False) for word in ("false", "False", "no", "0", 0, False)],
    ],
)
def test_words_become_true_and_false(path: str, given: Any, expected: bool) -> None:
    (found,) = [
        held
        for name, held in desired({path: "x"}, {"x": given}).document.items()
        if name != "userName"
    ]
    assert found is expected


@pytest.mark.parametrize("given", ["active", "J", 2, "1.0", ["true"]])
def test_a_boolean_is_never_guessed(given: Any) -> None:
    assert "it takes true or false, but the expression gave" in failure("active", "x", x=given)


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("roles", "Admin", [{"value": "Admin"}]),
        ("entitlements", ["b", "a", "b", ""], [{"value": "b"}, {"value": "a"}]),
        ("ROLES", [1, "1"], [{"value": "1"}]),
        (
            "emails",
            [
                "a@example.com",
                {"value": "b@example.com", "type": "home", "primary": "yes", "display": ""},
            ],
            [
                {"value": "a@example.com"},
                {"value": "b@example.com", "type": "home", "primary": True},
            ],
        ),
        (
            "photos",
            {"value": "https://example.com/a.png"},
            [{"value": "https://example.com/a.png"}],
        ),
        ("addresses", "1 Main Street", [{"formatted": "1 Main Street"}]),  # addresses have no value
        ("urn:example:people:User:tags", ["a", "b"], ["a", "b"]),
    ],
)
def test_texts_become_elements_of_a_multi_valued_attribute(
    path: str, given: Any, expected: Any
) -> None:
    assert [
        held
        for name, held in desired({path: "x"}, {"x": given}).document.items()
        if name != "userName"
    ] == [expected]


def test_lists_of_lists_are_no_elements() -> None:
    assert "a list of lists" in failure("roles", "x", x=[["a"]])


def test_a_text_for_an_attribute_with_parts_fails() -> None:
    assert "map those" in failure("name", "x", x="Ann Example")
    assert value("name", "x", x={"givenName": "Ann", "familyName": ""}) == {"givenName": "Ann"}


WORK = 'emails[type eq "work"]'


@pytest.mark.parametrize(
    ("mapping", "data", "expected"),
    [
        # what varies is absent: the constants go with it
        ({f"{WORK}.value": "mail", f"{WORK}.primary": Constant(True)}, {"mail": ""}, {}),
        ({f"{WORK}.value": "mail", f"{WORK}.display": "'Work'"}, {"mail": None}, {}),
        ({f"{WORK}.value": "mail", f"{WORK}.primary": Constant(True, once=True)}, {"mail": ""}, {}),
        # one of several is there
        (
            {f"{WORK}.value": "mail", f"{WORK}.display": "name", f"{WORK}.primary": Constant(True)},
            {"mail": "", "name": "Ann"},
            {f"{WORK}.display": "Ann", f"{WORK}.primary": True},
        ),
        # all constant
        (
            {f"{WORK}.value": Constant("info@example.com"), f"{WORK}.primary": Constant(True)},
            {},
            {f"{WORK}.value": "info@example.com", f"{WORK}.primary": True},
        ),
        # primary says nothing of its own, unless there is nothing else
        ({f"{WORK}.value": "mail", f"{WORK}.primary": "main"}, {"mail": "", "main": "yes"}, {}),
        (
            {'roles[value eq "a"].primary': "main", 'roles[value eq "a"].display': Constant("A")},
            {"main": ""},
            {},
        ),
        (
            {'roles[value eq "admin"].primary': "main"},
            {"main": "yes"},
            {'roles[value eq "admin"].primary': True},
        ),
        # two elements do not keep each other alive
        (
            {
                f"{WORK}.value": "mail",
                f"{WORK}.primary": Constant(True),
                'emails[type eq "home"].value': "home",
            },
            {"mail": "", "home": "ann@example.com"},
            {'emails[type eq "home"].value': "ann@example.com"},
        ),
    ],
)
def test_constants_do_not_keep_an_element_alive(
    mapping: dict[str, str | MappedValue], data: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = desired(mapping, data)
    assert dict(found.document) == expected | {"userName": "ann@example.com"}
    assert dict(found.once) == {}


@pytest.mark.parametrize(
    ("key", "expected"),
    [("E2", IdOf(Key("E2"))), (2, IdOf(Key("2"))), (2.0, IdOf(Key("2"))), ("", None), (None, None)],
)
def test_ref_names_the_record_behind_a_key(key: Any, expected: IdOf | None) -> None:
    assert value(f"{ENTERPRISE}:manager.value", "ref(x)", x=key) == expected


@pytest.mark.parametrize(
    ("path", "expression"),
    [
        ("roles", "[ref('E2')]"),
        (f"{ENTERPRISE}:manager", "{'value': ref(x)}"),
        ("displayName", "'by ' ~ ref(x)"),
    ],
)
def test_a_reference_is_a_whole_value(path: str, expression: str) -> None:
    assert "ref(…)" in failure(path, f"{expression} if x != ''", x="E2")


@pytest.mark.parametrize("key", [["E1", "E2"], True, {"id": 1}])
def test_ref_takes_one_key(key: Any) -> None:
    assert "takes the key of one record" in failure(f"{ENTERPRISE}:manager.value", "ref(x)", x=key)


@pytest.mark.parametrize("email", ["", None])
def test_a_required_attribute_that_comes_out_empty_fails_with_all_that_is_needed_to_mend_it(
    email: str | None,
) -> None:
    with pytest.raises(DesireError) as caught:
        desired({"userName": "email | lower"}, {"email": email, "salary": 1})

    error = caught.value
    assert (error.key, error.where, error.expression) == (
        "E17",
        "targets.wiki.user.userName",
        "email | lower",
    )
    assert error.values == {"email": email}
    shown = '""' if email == "" else "null"
    assert (
        text_of(error)
        == "E17: targets.wiki.user.userName: email | lower: is empty, but userName is"
        f" required (email = {shown})"
    )
    assert error.exit_code == 4


def test_a_user_name_that_is_sent_once_is_there() -> None:
    assert desired({"userName": Expression("email", once=True)}, {"email": "a"}).once == {
        "userName": "a"
    }


def test_a_group_needs_its_display_name() -> None:
    program = compile_program(
        "wiki",
        {"DISPLAYNAME": Expression("name")},
        None,
        {},
        {},
        kind=Kind.GROUP,
        section=("targets", "wiki", "groups", "teams"),
    )
    assert program.desire(Record("teams", Key("T1"), {"name": 7}), TODAY).document == {
        "displayName": "7"
    }
    with pytest.raises(
        DesireError, match=r"^T1: targets\.wiki\.groups\.teams\.DISPLAYNAME: name: is empty"
    ):
        program.desire(Record("teams", Key("T1"), {}), TODAY)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("username", "userName"),
        ("NAME.givenname", "name.givenName"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:DISPLAYNAME", "displayName"),
        ('EMAILS[type eq "work"].VALUE', 'emails[type eq "work"].value'),
        ("x509certificates", "x509Certificates"),
        (f"{ENTERPRISE.lower()}:COSTCENTER", f"{ENTERPRISE}:costCenter"),
        (f"{ENTERPRISE}:Manager.Value", f"{ENTERPRISE}:manager.value"),
        ("urn:example:people:User:shoeSize", "urn:example:people:User:shoeSize"),
        ("isAdmin", "isAdmin"),
    ],
)
def test_paths_get_the_spelling_of_the_rfc(written: str, canonical: str) -> None:
    assert canonical in desired({written: "x"}, {"x": "text"}).document


def test_a_column_that_a_record_lacks_is_none() -> None:
    assert value("displayName", "x if x is not none else 'nobody'") == "nobody"


@pytest.mark.parametrize(
    "name",
    ["today", "access", "col", "ref", "self", "loop", "_c0", "range", "First Name", "9", "ö"],
)
def test_every_column_can_be_reached_through_col(name: str) -> None:
    assert value("displayName", f"col['{name}']", **{name: "found"}) == "found"


@pytest.mark.parametrize(
    "name",
    ["self", "loop", "range", "dict", "caller", "_c0", "_r0", "_v0", "context", "environment", "ö"],
)
def test_a_column_may_have_a_name_that_means_something_to_jinja(name: str) -> None:
    assert value("displayName", f"{name} ~ other", other="!", **{name: "found"}) == "found!"


def test_two_programs_and_many_records_share_nothing() -> None:
    program = compile_program(
        "wiki", {"userName": Expression("email"), "roles": Expression("groups")}, None, {}, {}
    )
    first = program.desire(Record("hr", Key("1"), {"email": "a", "groups": ["x"]}), TODAY)
    second = program.desire(Record("hr", Key("2"), {"email": "b"}), TODAY)
    assert (first.document, second.document) == (
        {"userName": "a", "roles": [{"value": "x"}]},
        {"userName": "b"},
    )
