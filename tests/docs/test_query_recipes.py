"""Each recipe of docs/how-to/query-recipes.md gives what the page says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.docs.documentation import page
from tests.office import Office

PAGE = page("docs/how-to/query-recipes.md")
Table = list[dict[str, str]]


def recipes() -> list[Any]:
    """Return for each TOML block of the page the files above it and the tables below it."""
    found = []
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title = part.splitlines()[0]
        files = dict(re.findall(r"^`([\w.-]+)`:\n\n```csv\n(.*?)^```", part, re.M | re.S))
        pieces = re.split(r"^```toml\n(.*?)^```\n", part, flags=re.M | re.S)[1:]
        for number, (toml, below) in enumerate(zip(pieces[::2], pieces[1::2], strict=True), 1):
            found.append(pytest.param(files, toml, tables(below), id=f"{title} {number}"))
    return found


def tables(text: str) -> list[Table]:
    """Return the tables of a text, each as its rows."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [line.split("|")[1:-1] for line in table.splitlines()]
        header, _, *rows = [[cell.strip() for cell in line] for line in lines]
        found.append([dict(zip(header, row, strict=True)) for row in rows])
    return found


def test_the_page_has_recipes() -> None:
    assert len(recipes()) == 13


@pytest.mark.parametrize(("files", "toml", "expected"), recipes())
def test_a_recipe_gives_what_the_page_says(
    files: dict[str, str], toml: str, expected: list[Table], office: Office
) -> None:
    for name, text in files.items():
        office.write(name, text)
    office.write("sync.toml", toml)

    ran = office.run("plan", "--offline", "--json")

    assert (ran.code, ran.document["problems"]) == (0, []), ran.err
    operations = ran.document["targets"]["wiki"]["operations"]
    users = {each["key"]: values(each) for each in operations if each["kind"] == "user"}
    members = {
        each["key"].partition(":")[2]: ", ".join(sorted(added(each)))
        for each in operations
        if each["action"] == "add_members"
    }
    for table in expected:
        if "group" in table[0]:
            assert {row["group"]: row["members"] for row in table} == members
        else:
            assert sorted(row["key"] for row in table) == sorted(users)
            for row in table:
                mapped = {path: users[row["key"]].get(path, "") for path in row if path != "key"}
                assert {"key": row["key"], **mapped} == row


def values(operation: dict[str, Any]) -> dict[str, str]:
    """Return what an operation gives an account: the end of each path -> the value as text."""
    found = {}
    for change in operation["changes"]:
        path = change["path"].rpartition(":")[2]
        found[path] = str(change["after"])
    return found


def added(operation: dict[str, Any]) -> list[str]:
    """Return the keys of the members that an operation adds."""
    return [each["after"] for each in operation["changes"]]
