"""Loading a good sync.toml: what it says, what it leaves out, and what messages call things."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from scimsync.builtin import load, parse
from scimsync.config import Config
from scimsync.config.models import SyncToml
from scimsync.config.secrets import secret_references
from scimsync.config.targets import LeaveAction
from scimsync.model.mappings import Constant, Expression, Generate

EXAMPLE = Path(__file__).parents[3] / "sync.toml.example"

SMALL = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "employee_id"

[targets.wiki]
url = "https://wiki.example.com/scim/v2"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }

[targets.wiki.user]
userName = "email | lower"
"""


def small(extra: str = "", path: Path = Path("/etc/scimsync/sync.toml")) -> Config:
    return parse(SMALL + extra, path)


def test_what_a_small_file_leaves_out_has_the_defaults_of_the_design() -> None:
    config = small()
    target = config.targets["wiki"]

    assert config.state_url == "sqlite:////etc/scimsync/scimsync.db"
    assert config.state_dir == config.base_dir == Path("/etc/scimsync")
    assert [str(limit) for limit in (config.guard.max_removals, config.guard.max_updates)] == [
        "10%",
        "50%",
    ]
    assert str(config.guard.min_records) == "80%"
    assert (config.access, config.tables) == ({}, {})
    assert (target.profile, target.dialect, target.match) == (
        "generic",
        None,
        ("externalId", "userName"),
    )
    assert (target.leave.action, target.leave.delete_after) == (LeaveAction.DEACTIVATE, None)
    assert (target.scope, target.rate, target.concurrency, target.timeout) == (
        None,
        None,
        None,
        30.0,
    )
    assert (target.actions.create, target.actions.update, target.actions.remove) == (
        True,
        True,
        True,
    )


def test_the_only_source_need_not_be_named() -> None:
    assert small().targets["wiki"].source == ("hr",)


def test_one_source_and_several_are_read_alike() -> None:
    head = '[sources.crm]\ntype = "file"\npath = "crm.json"\nkey = "id"\n' + SMALL
    one = parse(
        head.replace("[targets.wiki.user]", 'source = "crm"\n[targets.wiki.user]'),
        Path("sync.toml"),
    )
    two = parse(
        head.replace("[targets.wiki.user]", 'source = ["hr", "crm"]\n[targets.wiki.user]'),
        Path("sync.toml"),
    )

    assert one.targets["wiki"].source == ("crm",)
    assert two.targets["wiki"].source == ("hr", "crm")


def test_each_form_of_a_mapping_entry() -> None:
    config = small(
        "active = true\n"
        "level = 3\n"
        "share = 0.5\n"
        'userType = { value = "Employee" }\n'
        'title = { value = "New", once = true }\n'
        'nickName = { expr = "given", once = true }\n'
        'displayName = { expr = "given" }\n'
        "password = { generate = 32 }\n"
        '\'emails[type eq "work"].value\' = "email"\n'
    )
    assert config.targets["wiki"].user == {
        "userName": Expression("email | lower"),
        "active": Constant(True),
        "level": Constant(3),
        "share": Constant(0.5),
        "userType": Constant("Employee"),
        "title": Constant("New", once=True),
        "nickName": Expression("given", once=True),
        "displayName": Expression("given"),
        "password": Generate(32),
        'emails[type eq "work"].value': Expression("email"),
    }


def test_true_and_false_are_conditions_too() -> None:
    config = parse(SMALL + "[access]\nEverybody = true\nNobody = false\n", Path("sync.toml"))
    assert config.access == {"Everybody": "true", "Nobody": "false"}


def test_tables_hold_constants_and_lists_of_them() -> None:
    config = parse(
        SMALL + '[tables.sites]\nBER = "Berlin"\n"" = "?"\nLIS = ["Lisbon", 2]\n', Path("sync.toml")
    )
    assert config.tables == {"sites": {"BER": "Berlin", "": "?", "LIS": ["Lisbon", 2]}}


@pytest.mark.parametrize(
    ("url", "state_url", "state_dir"),
    [
        ("sqlite:///scimsync.db", "sqlite:////etc/scimsync/scimsync.db", "/etc/scimsync"),
        ("sqlite:///state/s.db", "sqlite:////etc/scimsync/state/s.db", "/etc/scimsync/state"),
        ("sqlite:////var/lib/s.db", "sqlite:////var/lib/s.db", "/var/lib"),
    ],
)
def test_the_state_database_stands_beside_sync_toml(
    url: str, state_url: str, state_dir: str
) -> None:
    config = small(f'[state]\nurl = "{url}"\n')
    assert (config.state_url, config.state_dir) == (state_url, Path(state_dir))


@pytest.mark.parametrize(
    "url",
    [
        "https://wiki.example.com/scim/v2/",  # the slash at the end goes
        "https://wiki.example.com:8443/scim/v2",
        "http://localhost:8080/v2",
        "http://127.0.0.1/v2",
        "http://127.8.9.1/v2",
        "http://[::1]:9000/v2",
        "http://app.localhost/v2",
    ],
)
def test_https_and_loopback_are_accepted(url: str) -> None:
    config = parse(SMALL.replace("https://wiki.example.com/scim/v2", url), Path("sync.toml"))
    assert config.targets["wiki"].url == url.rstrip("/")


def test_leavers_may_be_deleted_at_once_after_their_deactivation() -> None:
    text = SMALL.replace(
        "[targets.wiki.user]", 'leave = { delete_after = "0d" }\n[targets.wiki.user]'
    )
    assert parse(text, Path("sync.toml")).targets["wiki"].leave.delete_after == timedelta(0)


def test_the_example_loads_and_shows_every_section() -> None:
    config = load(EXAMPLE)
    assert set(config.targets) == {"wiki", "tickets"}
    assert config.model_fields_set == set(SyncToml.model_fields) | {
        "digest",
        "path",
        "places",
        "table_values",
        "registries",
    }
    assert config.targets["wiki"].source == ("employees", "contractors")


def test_the_example_shows_every_key_of_a_target() -> None:
    target = load(EXAMPLE).targets["wiki"]
    assert target.model_fields_set == set(type(target).model_fields)


def test_places_in_messages_are_written_as_in_the_file() -> None:
    where = small().where("targets", "wiki", "user", 'emails[type eq "work"].value')
    assert where == "sync.toml: targets.wiki.user.'emails[type eq \"work\"].value'"


def test_nothing_changes_after_loading() -> None:
    config = small()
    with pytest.raises(ValidationError, match="frozen"):
        config.targets["wiki"].timeout = 1.0  # type: ignore[misc]


def test_a_token_is_not_shown_by_repr_or_json() -> None:
    config = parse(SMALL.replace("env:WIKI_TOKEN", "literal:s3cr3t"), Path("sync.toml"))
    assert secret_references(config.targets["wiki"].auth) == {"token": "literal:s3cr3t"}
    assert "s3cr3t" not in repr(config) + str(config) + config.model_dump_json()
