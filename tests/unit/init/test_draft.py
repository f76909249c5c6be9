"""The sync.toml that `scimsync init` writes: what is recognised, and that it always loads."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scimsync.builtin import parse
from scimsync.config import Config
from scimsync.config.secrets import secret_references
from scimsync.desired.syntax import column_expression
from scimsync.init.draft import ENTERPRISE, draft_sync_toml
from scimsync.model.mappings import Expression, Generate
from scimsync.sources.file import FileSettings

WORK_MAIL = 'emails[type eq "work"].value'


def file_source(config: Config) -> FileSettings:
    (source,) = config.sources.values()
    assert isinstance(source, FileSettings)
    return source


def guessed(columns: Sequence[str], *rows: Sequence[object]) -> Config:
    return loaded(
        draft_sync_toml(
            columns, [dict(zip(columns, row, strict=True)) for row in rows], "hr.csv", "hr"
        )
    )


def loaded(text: str) -> Config:
    return parse(text, Path("sync.toml"))


def key(columns: Sequence[str], *rows: Sequence[object]) -> str:
    return guessed(columns, *rows).sources["hr"].key


def scope(columns: Sequence[str], *rows: Sequence[object]) -> str | None:
    return guessed(columns, *rows).targets["app"].scope


def mapping(columns: Sequence[str], *rows: Sequence[object]) -> dict[str, object]:
    """What the guessed file maps: path -> expression or constant."""
    user = guessed(columns, *rows).targets["app"].user
    return {
        path: entry.text if isinstance(entry, Expression) else entry.value
        for path, entry in user.items()
        if not isinstance(entry, Generate)
    }


def test_a_usual_file_becomes_a_whole_configuration() -> None:
    columns = [
        "employee_id",
        "email",
        "first_name",
        "last_name",
        "department",
        "job_title",
        "manager_id",
        "status",
        "groups",
    ]
    rows = [
        ["E1", "ann@example.com", "Ann", "Lee", "IT", "Lead", "", "active", "wiki;mail"],
        ["E2", "bo@example.com", "Bo", "Kim", "IT", "Engineer", "E1", "active", "mail"],
        ["E3", "cy@example.com", "Cy", "Roe", "HR", "Clerk", "E1", "terminated", ""],
    ]
    config = guessed(columns, *rows)
    source, target = file_source(config), config.targets["app"]

    assert (source.path, source.key, source.lists) == ("hr.csv", "employee_id", {"groups": ";"})
    assert (target.url, target.source, target.scope) == (
        "https://app.example.com/scim/v2",
        ("hr",),
        "status == 'active'",
    )
    assert secret_references(target.auth) == {"token": "env:SCIM_TOKEN"}
    assert mapping(columns, *rows) == {
        "externalId": "employee_id",
        "userName": "email | lower",
        "displayName": "first_name ~ ' ' ~ last_name",
        "name.givenName": "first_name",
        "name.familyName": "last_name",
        "title": "job_title",
        WORK_MAIL: "email | lower",
        'emails[type eq "work"].primary': True,
        f"{ENTERPRISE}:department": "department",
        f"{ENTERPRISE}:manager.value": "ref(manager_id)",
        "active": True,
    }


def test_a_german_file_with_odd_column_names() -> None:
    columns = [
        "Personalnummer",
        "E-Mail",
        "Vorname",
        "Nachname",
        "Abteilung",
        "Vorgesetzter",
        "Status",
        "Eintritt",
    ]
    rows = [
        ["0017", "ann@example.com", "Ann", "Lee", "IT", "", "aktiv", "2020-01-01"],
        ["0018", "bo@example.com", "Bo", "Kim", "IT", "0017", "ausgeschieden", "2021-01-01"],
    ]
    mapped = mapping(columns, *rows)
    assert key(columns, *rows) == "Personalnummer"
    assert scope(columns, *rows) == "Status == 'aktiv' and Eintritt | date <= today"
    assert mapped["userName"] == "col['E-Mail'] | lower"
    assert mapped[f"{ENTERPRISE}:manager.value"] == "ref(Vorgesetzter)"


# The key


@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        (["email", "employee_id"], [["a@example.com", "1"], ["b@example.com", "2"]], "employee_id"),
        (["name", "Matricule"], [["Ann", "1"], ["Ann", "2"]], "Matricule"),
        (["id", "staff_no"], [["1", "7"], ["2", "8"]], "staff_no"),  # more telling than id
        (["employee_id", "uid"], [["1", "7"], ["1", "8"]], "uid"),  # the first is repeated
        (["employee_id", "uid"], [["", "7"], ["2", "8"]], "uid"),  # the first is empty somewhere
        # a manager is no key
        (["manager_id", "badge_code"], [["1", "7"], ["2", "8"]], "badge_code"),
        (["first_name", "email"], [["Ann", "a@example.com"], ["Bo", "b@example.com"]], "email"),
        (["x", "y"], [["1", "7"], ["1", "8"]], "y"),
        (["email", "Personnel Number"], [], "Personnel Number"),  # names alone
    ],
)
def test_the_key_is_a_column_that_names_each_record(
    columns: list[str], rows: list[list[object]], expected: str
) -> None:
    assert key(columns, *rows) == expected


def test_a_doubtful_key_is_said_to_be_doubtful() -> None:
    text = draft_sync_toml(
        ["employee_id"], [{"employee_id": "1"}, {"employee_id": "1"}], "hr.csv", "hr"
    )
    assert '# Not sure: this column was empty or repeated in some rows.' in text  # fmt: skip
    assert "# Not sure" not in draft_sync_toml(
        ["employee_id"], [{"employee_id": "1"}], "hr.csv", "hr"
    )


def test_a_file_without_columns() -> None:
    text = draft_sync_toml([], [], "hr.csv", "hr")
    assert "# No columns were found" in text
    assert loaded(text).sources["hr"].key == "id"


# Names and addresses


def test_a_user_name_column_is_preferred_to_the_address() -> None:
    mapped = mapping(["id", "username", "email"], ["1", "ann", "ann@example.com"])
    assert (mapped["userName"], mapped[WORK_MAIL]) == ("username", "email | lower")


def test_an_address_is_recognised_by_its_looks() -> None:
    assert (
        mapping(["id", "kontakt"], ["1", "ann@example.com"], ["2", "bo@example.com"])[WORK_MAIL]
        == "kontakt | lower"
    )


def test_a_column_called_email_that_holds_none_is_not_used() -> None:
    assert WORK_MAIL not in mapping(["id", "email"], ["1", "yes"], ["2", "no"])


def test_a_whole_name_is_the_display_name() -> None:
    assert mapping(["id", "Full Name"], ["1", "Ann Lee"])["displayName"] == "col['Full Name']"


# Managers


@pytest.mark.parametrize(
    ("column", "rows", "is_reference"),
    [
        ("manager", [["E1", ""], ["E2", "E1"]], True),
        # not among these rows, but of the same looks
        ("manager", [["E1", "E9"], ["E2", "E8"]], True),
        ("manager", [["E1", "Ann Lee"], ["E2", "Bo Kim"]], False),
        ("manager", [["E1", "ann@example.com"], ["E2", ""]], False),
        ("manager_id", [["E1", ""]], True),  # nobody has one yet: the name decides
        ("manager", [["E1", ""]], False),
    ],
)
def test_a_manager_is_a_reference_only_if_the_values_are_keys(
    column: str, rows: list[list[object]], is_reference: bool
) -> None:
    mapped = mapping(["employee_id", column], *rows)
    assert mapped.get(f"{ENTERPRISE}:manager.value") == (f"ref({column})" if is_reference else None)


# Who is in scope


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("status", ["Active", "Inactive"], "status == 'Active'"),
        ("status", ["A", "T"], "status == 'A'"),
        ("Employment Status", ["employed", "left"], "col['Employment Status'] == 'employed'"),
        ("active", ["true", "false"], "active == 'true'"),
        ("active", [True, False], "active"),
        ("active", [1, 0], "active == 1"),
        ("status", ["active", "Active", "gone"], "status in ['active', 'Active']"),
        ("status", ["it's active", "active"], "status == 'active'"),
        ("status", ["red", "blue"], None),
        ("status", ["", None], None),
        ("status", [["active"], ["gone"]], None),
    ],
)
def test_scope_comes_from_a_status_column(
    column: str, values: list[object], expected: str | None
) -> None:
    rows = [[str(number), value] for number, value in enumerate(values)]
    assert scope(["id", column], *rows) == expected


def test_values_out_of_scope_are_shown() -> None:
    text = draft_sync_toml(
        ["id", "status"],
        [{"id": 1, "status": "active"}, {"id": 2, "status": "parental\nleave"}],
        "hr.csv",
        "hr",
    )
    assert "# Seen too, and out of scope: 'parental\\nleave'\n" in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2024-01-31", "2030-01-01"], "start_date | date <= today"),
        ([datetime.date(2024, 1, 31), datetime.date(2030, 1, 1)], "start_date | date <= today"),
        (["31.01.2024", "2030-01-01"], None),  # could fail for a person
        (["2024-02-31", "2030-01-01"], None),
        (["2024-01-31", ""], None),
    ],
)
def test_start_dates_are_used_if_all_can_be_read(
    values: list[object], expected: str | None
) -> None:
    assert (
        scope(["id", "start_date"], *([str(number), value] for number, value in enumerate(values)))
        == expected
    )


# Lists


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("groups", ["a;b", "c"], {"groups": ";"}),
        ("Team Names", ["a|b", "c"], {"Team Names": "|"}),
        # a comma counts in columns with a telling name only
        ("roles", ["a,b", "c"], {"roles": ","}),
        ("address", ["Main Street 1, Berlin", "x"], {}),
        ("roles", ["a", "b"], {}),
        ("remarks", ["came back; " + "very " * 20 + "long", "x"], {}),  # prose
        ("groups", [["a", "b"], ["c"]], {}),  # a typed format has lists
    ],
)
def test_columns_of_several_values(
    column: str, values: list[object], expected: Mapping[str, str]
) -> None:
    rows = [[str(number), value] for number, value in enumerate(values)]
    assert file_source(guessed(["id", column], *rows)).lists == expected


# The text


def test_columns_that_nothing_uses_are_listed_as_expressions_name_them() -> None:
    text = draft_sync_toml(["id", "email", "Shoe Size", "mail2"], [], "hr.csv", "hr")
    assert text.endswith("# Columns that nothing uses yet: col['Shoe Size'], mail2\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hr", "hr"),
        ("HR export (new)", "HR-export-new"),
        ("…", "people"),
        ("", "people"),
        ("a.b", "a.b"),
    ],
)
def test_the_source_name_is_made_plain(name: str, expected: str) -> None:
    assert list(loaded(draft_sync_toml(["id"], [], "hr.csv", name)).sources) == [expected]


def test_every_example_works_without_its_mark() -> None:
    text = draft_sync_toml(["id"], [], "hr.csv", "hr")
    config = loaded(re.sub(r"(?m)^#(?=['\"a-zA-Z])", "", text))
    assert str(config.guard.max_removals) == "10%"
    assert config.access == {"IT": "department == 'IT'"}
    assert config.targets["app"].rate == 25
    assert config.targets["app"].scope == "status == 'active'"
    assert len(config.targets["app"].user) >= 18


ODD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "is",
            "not",
            "None",
            "true",
            "today",
            "access",
            "col",
            "self",
            "_x",
            "Émile",
            "email",
            "status",
            "groups",
        ]
    ),
    st.sampled_from(
        [
            "a b",
            "a'b",
            'a"b',
            "a\\b",
            "a\nb",
            "a\\",
            "{{x}}",
            "{% x %}",
            "#",
            "\x7f",
            "\u2028",
            "\ud800",
            " ",
        ]
    ),
)
CELLS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=12),
    st.dates(),
    st.lists(st.text(max_size=3), max_size=2),
)


FILE_NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10).filter(
    str.strip
)


@given(st.data(), st.lists(ODD, max_size=8), FILE_NAMES, st.text(max_size=10))
def test_any_columns_give_a_file_that_loads(
    data: st.DataObject, columns: list[str], file_name: str, source_name: str
) -> None:
    names = [column for column in columns if not _has_surrogate(column)]
    row = st.fixed_dictionaries({}, optional=dict.fromkeys(names, CELLS))
    rows = data.draw(st.lists(row, max_size=4))

    text = draft_sync_toml(names, rows, file_name, source_name)

    config = loaded(text.encode().decode())
    source = file_source(config)
    assert source.path == file_name
    assert source.key in {*names, "id"}


@given(ODD.filter(bool))
@example("a'b\\")
@example("\\x41")
@example("e\u0301")
def test_an_expression_that_names_a_column_names_exactly_that_column(column: str) -> None:
    environment = jinja2.Environment(autoescape=False)  # the text of an expression, not a page
    value = environment.compile_expression(column_expression(column))
    assert value({column: "found"} | {"col": {column: "found"}}) == "found"


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
