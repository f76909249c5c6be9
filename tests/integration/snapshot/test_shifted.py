"""A column whose cells moved by one row stops the source; changes that only look like it do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.office import Office, person

LISTS = "[sources.hr]\ntype = 'file'\npath = 'hr.csv'\nkey = 'id'\nlists = { dept = ';' }\n"
USER = """
externalId = "id"
userName = "email | lower"
active = true
roles = "dept"
"""


def push(office: Office, cells: list[str], *options: str) -> tuple[int, str]:
    """Push a file with `cells` in one column; return the exit code and what is said."""
    office.hire(person(number, dept=cell) for number, cell in enumerate(cells, start=1))
    ran = office.run("push", "--allow-updates", "100%", *options)
    return ran.code, ran.err


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("aaaL", "Laaa", 3),  # down, the last cell comes first
        ("aaLa", "aLaa", 3),  # up
        ("aaLa", "aaaL", 3),  # down
        ("aLab", "Labx", 3),  # up, and something new comes last
        ("abcd", "aabc", 3),  # down, and the first cell stays
        ("aaLLa", "aLLaa", 3),
        ("aaLa", "aaaa", 0),  # one cell is no shift
        ("aaaa", "Laaa", 0),
        ("aaLa", "Laaa", 0),  # someone came back and someone left, who are no neighbors
        ("aLaL", "aaLL", 0),  # two neighbors trade places, and other rows stay
        ("abcd", "dcba", 0),
        ("aaaa", "bbaa", 0),
    ],
)
def test_a_column_that_moved_by_one_row(
    office: Office, before: str, after: str, code: int, lists: bool
) -> None:
    office.configure(user=USER, **({"source": LISTS} if lists else {}))
    assert push(office, list(before))[0] == 0
    found, said = push(office, list(after))
    assert found == code, said
    if code:
        assert 'column "dept" of source "hr" moved by one row' in said
        assert "--allow-identity-changes" in said
        assert push(office, list(after), "--allow-identity-changes", "5")[0] == 0


def test_new_rows_and_rows_that_are_gone_shift_nothing(office: Office) -> None:
    office.configure(user=USER)
    assert push(office, ["a", "b", "c", "d"])[0] == 0
    rows = [person(number, dept=cell) for number, cell in enumerate("abcd", start=1)]
    office.hire([person(9, dept="x"), *rows[:2], rows[3]])
    assert office.run("push").code == 0


def test_rows_in_another_order_shift_nothing(office: Office) -> None:
    office.configure(user=USER)
    assert push(office, ["a", "b", "c", "d"])[0] == 0
    rows = [person(number, dept=cell) for number, cell in enumerate("abcd", start=1)]
    office.hire(reversed(rows))
    assert office.run("push").out.startswith("wiki: no changes")


def test_empty_and_missing_cells(office: Office, tmp_path: Path) -> None:
    office.configure(user=USER)
    assert push(office, ["a", "", "b", "b"])[0] == 0
    code, said = push(office, ["", "b", "b", "b"])
    assert code == 3, said


@pytest.mark.parametrize(
    ("limit", "code"), [('"5%"', 3), ("1", 3), ("2", 0), ('"100%"', 0)], ids=str
)
def test_a_number_in_the_configuration_allows_as_many_cells(
    office: Office, limit: str, code: int
) -> None:
    office.configure(user=USER, guard=f"max_identity_changes = {limit}")
    assert push(office, list("aaaL"))[0] == 0
    found, said = push(office, list("Laaa"))
    assert found == code, said
