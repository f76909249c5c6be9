"""What sync.toml, `check`, `init` and the profiles say about adapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from scimsync.builtin import parse
from scimsync.errors import ConfigError
from scimsync.scim.profiles import PROFILES
from scimsync.targets.adapters import TARGET_TYPES
from scimsync.targets.adapters.google_workspace import GoogleUsers
from scimsync.targets.adapters.hoop import HoopUsers
from tests.office import Office, people

SYNC_TOML = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.app]
url = "https://app.example.com/api"
auth = { type = "bearer", token = "env:TOKEN" }
LINES
[targets.app.user]
userName = "email"
"""


@pytest.mark.parametrize("name", TARGET_TYPES)
def test_a_type_and_its_profile_name_each_other(name: str) -> None:
    assert PROFILES[TARGET_TYPES[name].profile]().type == name


@pytest.mark.parametrize(
    ("name", "users"), [("hoop", HoopUsers), ("google-workspace", GoogleUsers)]
)
def test_a_profile_lists_what_its_adapter_stores(
    name: str, users: type[HoopUsers | GoogleUsers]
) -> None:
    assert set(PROFILES[name]().attributes) == set(users.attributes.paths)


def test_the_profile_of_a_target_is_that_of_its_type(tmp_path: Path) -> None:
    config = parse(SYNC_TOML.replace("LINES", 'type = "hoop"'), tmp_path / "sync.toml")

    assert (config.targets["app"].profile, config.targets["app"].match) == ("hoop", ("userName",))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('profile = "hoop"', 'Hoop.dev has no SCIM [SYNC-0480]\n  write type = "hoop"'),
        (
            'type = "hoop"\nprofile = "slack"',
            "Slack is reached over SCIM [SYNC-0480]\n  leave out type",
        ),
        (
            'type = "hoop"\ndialect = "rfc"',
            'a dialect has no effect with type = "hoop" [SYNC-0481]\n  leave it out',
        ),
        ('type = "hop"', 'type of target "hop" is unknown [SYNC-0122]'),
    ],
)
def test_what_does_not_fit_the_type_is_an_error(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(SYNC_TOML.replace("LINES", lines), tmp_path / "sync.toml")

    assert message in str(caught.value)


def test_init_writes_the_type_for_a_product_without_scim(office: Office) -> None:
    office.hire(people(2))

    office.run("init", "hr.csv", "--profile", "google-workspace", "--out", "new.toml")

    text = (office.folder / "new.toml").read_text("utf-8")
    assert 'type = "google-workspace"\n' in text
    assert 'url = "https://admin.googleapis.com/admin/directory/v1"\n' in text
    assert "profile =" not in text
    assert "\n#'emails[type eq \"work\"].value'" in text, "Google has one address, the userName"
