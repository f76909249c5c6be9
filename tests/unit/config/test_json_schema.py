"""The JSON Schema of sync.toml agrees with what loads."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scimsync.builtin import BUILTIN, parse
from scimsync.config.json_schema import json_schema
from scimsync.errors import ConfigError
from scimsync.tomltext import toml_key, toml_string

EXAMPLE = Path(__file__).parents[3] / "sync.toml.example"
DESIGN = """
[state]
url = "sqlite:///scimsync.db"
[sources.hr]
type  = "file"
path  = "hr.csv"
key   = "employee_id"
lists = { groups = ";" }
[access]
Admin  = "department == 'IT' and level | int >= 5"
Viewer = "status == 'active'"
[guard]
max_removals = "10%"
max_updates  = "50%"
min_records  = "80%"
[targets.wiki]
url     = "https://wiki.example.com/scim/v2"
profile = "generic"
dialect = "rfc"
auth    = { type = "bearer", token = "env:WIKI_TOKEN" }
source  = "hr"
scope   = "'Viewer' in access"
match   = ["externalId", "userName"]
leave   = { action = "deactivate", delete_after = "30d" }
rate    = 25
concurrency = 8
[targets.wiki.user]
externalId       = "employee_id"
userName         = "email | lower"
"name.givenName" = "given"
"name.familyName" = "family"
displayName      = "given ~ ' ' ~ family"
active           = true
'emails[type eq "work"].value'   = "email | lower"
'emails[type eq "work"].primary' = true
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = "department"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = "ref(manager_id)"
"""
VALIDATOR = Draft202012Validator(json_schema(BUILTIN))


def as_toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return toml_string(value)
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case dict():
            return (
                "{"
                + ", ".join(f"{toml_key(key)} = {as_toml(item)}" for key, item in value.items())
                + "}"
            )
    return str(value)


def loads(document: dict[str, Any]) -> bool:
    text = "".join(f"{key} = {as_toml(value)}\n" for key, value in document.items())
    try:
        parse(text, Path("sync.toml"))
    except ConfigError:
        return False
    return True


def test_it_is_a_schema_of_draft_2020_12() -> None:
    schema = json_schema(BUILTIN)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "sync.toml of scimsync"


def test_every_key_is_described() -> None:
    schema = json_schema(BUILTIN)
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    assert len(tables) >= 8
    assert [
        key
        for table in tables
        for key, field in table["properties"].items()
        if not field.get("description")
    ] == []


def test_defaults_are_shown_as_they_are_written() -> None:
    guard = json_schema(BUILTIN)["$defs"]["Guard"]["properties"]
    assert [guard[name]["default"] for name in guard] == ["10%", "50%", 5, "80%", "20%", "5%"]


@pytest.mark.parametrize("text", [EXAMPLE.read_text("utf-8"), DESIGN], ids=["example", "design"])
def test_good_files_are_valid(text: str) -> None:
    document = tomllib.loads(text)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert loads(document)


def put(*path_and_value: Any) -> Callable[[dict[str, Any]], None]:
    *path, last, value = path_and_value

    def change(document: dict[str, Any]) -> None:
        for key in path:
            document = document.setdefault(key, {})
        document[last] = value

    change.__name__ = f"{'.'.join([*path, last])}={value!r}"
    return change


def drop(*path: str) -> Callable[[dict[str, Any]], None]:
    *above, last = path

    def change(document: dict[str, Any]) -> None:
        for key in above:
            document = document[key]
        del document[last]

    change.__name__ = f"without {'.'.join(path)}"
    return change


@pytest.mark.parametrize(
    "change",
    [
        put("targets", "wiki", "scope", True),
        put("targets", "wiki", "source", ["hr"]),
        put("targets", "wiki", "rate", 0.5),
        put("targets", "wiki", "url", "http://localhost:8080/v2"),
        put("targets", "wiki", "url", "http://[::1]"),
        put("targets", "wiki", "user", "x", {"value": True}),
        put("targets", "wiki", "user", "x", {"expr": "a", "once": True}),
        put("targets", "wiki", "user", "x", {"generate": 8}),
        put("guard", "max_removals", 0),
        put("guard", "max_removals", "12.5%"),
        put("tables", "t", "a", ["b", 1]),
        put("tables", "t", {"path": "t.csv", "key": "a", "value": "b", "lists": {"b": ";"}}),
        put("state", "url", "sqlite:////var/lib/scimsync.db"),
        put("state", "url", "postgresql://scimsync@db.example.com/x"),
        drop("state"),
        drop("access"),
        drop("guard"),
        drop("targets", "wiki", "source"),
    ],
    ids=lambda change: change.__name__,
)
def test_what_loads_is_valid(change: Callable[[dict[str, Any]], None]) -> None:
    document = copy.deepcopy(tomllib.loads(DESIGN))
    change(document)
    assert loads(document)
    assert VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "change",
    [
        drop("sources"),
        drop("targets"),
        drop("targets", "wiki", "url"),
        drop("targets", "wiki", "auth"),
        drop("targets", "wiki", "user"),
        drop("sources", "hr", "path"),
        drop("sources", "hr", "key"),
        put("sources", {}),
        put("colour", 1),
        put("sources", "hr", "query", "select 1"),
        put("sources", "hr", "type", "fax"),
        put("sources", "h r", {"type": "file", "path": "x", "key": "y"}),
        put("targets", "wiki", "scop", "x"),
        put("targets", "wiki", "groups", {"x": {"members": "y"}}),
        put("targets", "wiki", "dialect", "soap"),
        put("targets", "wiki", "leave", "action", "remove"),
        put("targets", "wiki", "leave", "delete_after", "30 days"),
        put("targets", "wiki", "auth", "type", "oauth"),
        put("targets", "wiki", "auth", "token", "abc"),
        put("targets", "wiki", "rate", 0),
        put("targets", "wiki", "match", []),
        put("targets", "wiki", "url", "http://wiki.example.com"),
        put("targets", "wiki", "url", "http://localhost.example.com"),
        put("targets", "wiki", "url", "https://ann:pw@wiki.example.com"),
        put("targets", "wiki", "url", "https://wiki.example.com/?x"),
        put("targets", "wiki", "user", {}),
        put("targets", "wiki", "user", "x", ""),
        put("targets", "wiki", "user", "x", ["a"]),
        put("targets", "wiki", "user", "x", {"value": "a", "expr": "b"}),
        put("targets", "wiki", "user", "x", {"generate": 7}),
        put("guard", "max_removals", "ten"),
        put("guard", "max_removals", -1),
        put("guard", "max_removals", 0.1),
        put("state", "url", "mysql://db.example.com/x"),
    ],
    ids=lambda change: change.__name__,
)
def test_what_does_not_load_is_not_valid(change: Callable[[dict[str, Any]], None]) -> None:
    document = copy.deepcopy(tomllib.loads(DESIGN))
    change(document)
    assert not loads(document)
    assert not VALIDATOR.is_valid(document)
