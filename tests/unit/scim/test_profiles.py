"""Profiles: facts in TOML, and what is not a fact."""

from __future__ import annotations

from dataclasses import fields

import pytest

from scimsync.registry import UnknownName
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.paths import parse_path
from scimsync.scim.profiles import (
    PROFILES,
    Profile,
    ProfileError,
    profile_of_host,
    read_profile,
)
from scimsync.scim.profiles.coverage import covers, lies_within
from scimsync.transport.auth import AUTHENTICATORS

FACTS = [field.name for field in fields(Profile) if field.name != "name"]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def test_the_generic_profile_limits_nothing() -> None:
    assert PROFILES["generic"]() == Profile(
        "generic", page_size=100, members_per_patch=500, rate=None, concurrency=None
    )


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_can_be_read(name: str) -> None:
    profile = PROFILES[name]()

    assert profile.name == name
    assert profile.dialect in (None, *DIALECTS)
    assert set(profile.auth) <= set(AUTHENTICATORS)
    for path in (
        *profile.attributes,
        *profile.required,
        *profile.not_supported,
        *profile.immutable,
        *profile.group_immutable,
        *profile.match,
    ):
        parse_path(path)
    if name != "generic":
        assert profile.product
        assert profile.sources
        assert profile.url is None or profile.url.startswith("https://")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("airtable.com", "airtable"),
        ("acme.eu-central-1.snowflakecomputing.com", "snowflake"),
        ("SCIM.SMARTSHEET.com", "smartsheet"),
        ("airtable.com.example.com", None),
        ("snowflakecomputing.com", None),
        ("wiki.example.com", None),
        ("127.0.0.1", None),
        ("localhost", None),
        ("api.github.com", None),
    ],
)
def test_a_product_is_known_by_its_host(host: str, name: str | None) -> None:
    found = profile_of_host(host, PROFILES.values())

    assert (None if found is None else found.name) == name


STORED = ("userName", "name.givenName", 'emails[type eq "work"].value', f"{ENTERPRISE}:manager")


@pytest.mark.parametrize(
    ("path", "is_covered"),
    [
        ("userName", True),
        ("externalId", True),
        ("active", True),
        ("name.GivenName", True),
        ("name", True),
        ("name.familyName", False),
        ('emails[type eq "work"].value', True),
        ('emails[type eq "work"].primary', True),
        ("emails", True),
        ('emails[type eq "home"].value', False),
        (f"{ENTERPRISE}:manager.value", True),
        (f"{ENTERPRISE}:department", False),
        ("title", False),
    ],
)
def test_an_attribute_is_covered_by_a_list(path: str, is_covered: bool) -> None:
    assert covers(STORED, path) is is_covered


@pytest.mark.parametrize(
    ("path", "is_within"),
    [
        ("title", True),
        ("Name.givenName", True),
        ("name", False),
        ("name.familyName", False),
        ("emails", True),
        ('emails[type eq "work"].value', True),
        ('phoneNumbers[type eq "work"].value', True),
        ('phoneNumbers[type eq "home"].value', False),
        (f"{ENTERPRISE}:manager.value", True),
        ("externalId", False),
        ("userName", False),
    ],
)
def test_an_attribute_is_one_of_a_list_or_a_part_of_one(path: str, is_within: bool) -> None:
    paths = [
        "title",
        "name.givenName",
        "emails",
        'phoneNumbers[type eq "work"]',
        f"{ENTERPRISE}:manager",
    ]

    assert lies_within(paths, path) is is_within


def test_a_profile_is_not_a_path() -> None:
    with pytest.raises(UnknownName, match=r"^no profile '\.\./generic'; there are: .*generic"):
        PROFILES["../generic"]


def test_a_profile_states_facts() -> None:
    text = """
        dialect = "rfc"
        auth = ["bearer"]
        page_size = 50
        members_per_patch = 9
        rate = 2.5
        concurrency = 4
    """

    assert read_profile("x", text) == Profile(
        "x",
        dialect="rfc",
        auth=("bearer",),
        page_size=50,
        members_per_patch=9,
        rate=2.5,
        concurrency=4,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "speed = 1",
            f"profile x: unknown fact 'speed'; there are: {', '.join(FACTS)}",
        ),
        ("dialect = 1", "profile x: dialect has to be a text, not 1"),
        ("auth = 'bearer'", "profile x: auth has to be a list of texts, not 'bearer'"),
        ("rate = true", "profile x: rate has to be a number above 0, not True"),
        ("rate = 0", "profile x: rate has to be a number above 0, not 0"),
        ("page_size = 1.5", "profile x: page_size has to be a whole number above 0, not 1.5"),
        (
            "groups = 'some'",
            "profile x: groups has to be one of full, update, link, none, unknown, not 'some'",
        ),
        (
            "paging = 'pages'",
            "profile x: paging has to be one of index, cursor, none, not 'pages'",
        ),
        *(
            (
                f"member_filter = '{text}'",
                "profile x: member_filter has to be a filter with {group} and {member}, not"
                f" {text!r}",
            )
            for text in ("id eq {group}", "{group} {member}", "{group} {member} {x}", "{group}{")
        ),
        ("notes = []", "profile x: notes has to be a list of texts, not []"),
        (
            "[[sources]]\npage = 'p'",
            "profile x: sources: FactSource.__init__() missing 1 required"
            " positional argument: 'read'",
        ),
        ("page_size = '9'", "profile x: page_size has to be a whole number above 0, not '9'"),
    ],
)
def test_a_wrong_profile_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile("x", text)

    assert str(caught.value) == problem
