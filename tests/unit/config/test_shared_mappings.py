"""Mappings that targets share: which lines count, and where messages say that they are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from scimsync.builtin import parse
from scimsync.config import Config
from scimsync.errors import ConfigError
from scimsync.model.mappings import Constant, Expression
from scimsync.run.compile import compile_config, compile_target
from scimsync.run.compile_mappings import unused_mappings
from scimsync.run.settings_digests import settings_digests

HEAD = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
"""
TARGET = """
[targets.wiki]
url = "https://wiki.example.com/scim/v2"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
"""
BASE = """
[mappings.base]
userName = "email | lower"
title = "job"
active = true
"""
WRITTEN_OUT = '[targets.wiki.user]\ntitle = "job"\nactive = true\nuserName = "email | lower"\n'


def config(text: str) -> Config:
    return parse(HEAD + text, Path("sync.toml"))


def refused(text: str) -> str:
    """What is wrong, in one line."""
    with pytest.raises(ConfigError) as raised:
        compile_target(config(text), "wiki")
    return "; ".join(str(raised.value).split("\n  "))


def test_a_target_takes_over_the_lines_of_a_mapping_and_its_own_lines_win() -> None:
    loaded = config(
        f'{BASE}[mappings.staff]\nextends = "base"\ntitle = "role"\nnickName = "nick"\n'
        f'{TARGET}extends = "staff"\n[targets.wiki.user]\nUSERNAME = "login"\nuserType = "kind"\n'
    )

    assert loaded.targets["wiki"].user == {
        "active": Constant(True),
        "title": Expression("role"),
        "nickName": Expression("nick"),
        "USERNAME": Expression("login"),
        "userType": Expression("kind"),
    }


def test_nothing_is_planned_again_when_lines_move_to_a_mapping() -> None:
    extended = compile_target(config(f'{BASE}{TARGET}extends = "base"\n'), "wiki")
    written = compile_target(config(TARGET + WRITTEN_OUT), "wiki")
    overridden = compile_target(
        config(f'{BASE}{TARGET}extends = "base"\n[targets.wiki.user]\ntitle = "role"\n'), "wiki"
    )

    day = date(2026, 3, 2)
    assert extended.digest(day) == written.digest(day) != overridden.digest(day)
    assert settings_digests([extended]) == settings_digests([written])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("title = 2026-01-01", "title: must be a string, a number, true or false, not a date or"),
        ('name.givenName = "x"', "name.givenName: a path with a dot must be in quotes"),
        ('titel = "x"', "titel: no such attribute"),
        ('id = "x"', "id: 'id' is set by the service provider"),
        ('nickName = "given |"', "nickName: "),
        ('name = "x"\n"name.givenName" = "y"', '"name.givenName": sets a part of the same'),
        ('extend = "x"', "extend: unknown key"),
    ],
)
def test_an_error_in_a_shared_line_names_its_place_once(line: str, message: str) -> None:
    two = TARGET.replace("wiki", "chat")
    base = f'[mappings.base]\nuserName = "email"\n{line}\n'

    said = refused(f'{base}{TARGET}extends = "base"\n{two}extends = "base"\n')

    assert said.startswith(f"sync.toml: mappings.base.{message}"), said
    assert "targets" not in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'{BASE}{TARGET}extends = "bass"', 'targets.wiki.extends: no mapping "bass" [SYNC-0165]'),
        (f'{TARGET}extends = "base"', 'targets.wiki.extends: no mapping "base" [SYNC-0165]'),
        (f"{BASE}{TARGET}extends = 1", "targets.wiki.extends: must be the name of a mapping, not"),
        (
            f'[mappings.a]\nextends = "b"\n[mappings.b]\nextends = "a"\n{TARGET}extends = "a"',
            "mappings.a.extends: mappings extend each other in a cycle [SYNC-0166]; a -> b -> a",
        ),
        (
            f'[mappings.a]\nextends = "a"\n{TARGET}extends = "a"',
            "mappings.a.extends: mappings extend each other in a cycle [SYNC-0166]; a -> a",
        ),
        (
            f'[mappings.a]\nextends = "b"\n{TARGET}extends = "a"',
            'mappings.a.extends: no mapping "b" [SYNC-0165]; found: a',
        ),
        (f"[mappings]\nactive = true\n{TARGET}{WRITTEN_OUT}", "mappings: active is outside of any"),
        (f"[mappings.a]\n{TARGET}{WRITTEN_OUT}", "mappings.a: maps no attribute"),
        (f'[mappings.a]\ntitle = "job"\n{TARGET}extends = "a"', "targets.wiki.user: userName is"),
    ],
)
def test_mappings_that_cannot_be_extended_are_refused(text: str, message: str) -> None:
    assert refused(text).startswith(f"sync.toml: {message}")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        # no target extends it
        ('[mappings.rest]\ntitel = "x"', "mappings.rest.titel: no such attribute"),
        ('[mappings.rest]\nnickName = "given |"', "mappings.rest.nickName: "),
        ('[mappings.rest]\nactive = "maybe("', "mappings.rest.active: "),
        ("[mappings.rest]\nactive = 'department = 1'", "mappings.rest.active: "),
        ('[mappings.rest]\nextends = "base"\n"emails[type eq].value" = "e"', "mappings.rest."),
        # every target replaces the line
        ('[mappings.more]\nextends = "base"\nnickName = "given |"', "mappings.more.nickName: "),
    ],
)
def test_lines_that_no_target_takes_over_are_checked(mapping: str, message: str) -> None:
    targets = f'{TARGET}extends = "base"\n'
    if "more" in mapping:
        targets = f'{TARGET}extends = "more"\n[targets.wiki.user]\nnickName = "nick"\n'
    loaded = config(f"{BASE}{mapping}\n{targets}")

    with pytest.raises(ConfigError) as raised:
        compile_config(loaded, read=False, secrets=False)

    assert str(raised.value).startswith(f"sync.toml: {message}"), raised.value


def test_mappings_that_no_target_extends_are_known() -> None:
    loaded = config(
        f'{BASE}[mappings.staff]\nextends = "base"\nnickName = "nick"\n[mappings.rest]\n'
        f'extends = "base"\ntitle = "role"\n{TARGET}extends = "staff"\n'
    )

    assert unused_mappings(loaded) == ["rest"]
    compile_config(loaded, read=False, secrets=False)
