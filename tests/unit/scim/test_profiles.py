"""Profiles: facts in TOML, and what is not a fact."""

from __future__ import annotations

import pytest

from scimsync.registry import UnknownName
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.profiles import PROFILES, Profile, ProfileError, read_profile
from scimsync.transport.auth import AUTHENTICATORS


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

    assert read_profile("x", text) == Profile("x", "rfc", ("bearer",), 50, 9, 2.5, 4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "speed = 1",
            (
                "profile x: unknown fact 'speed'; there are: dialect, auth, page_size,"
                " members_per_patch, rate, concurrency"
            ),
        ),
        ("dialect = 1", "profile x: dialect has to be a name, not 1"),
        ("auth = 'bearer'", "profile x: auth has to be a list of names, not 'bearer'"),
        ("rate = true", "profile x: rate has to be a number above 0, not True"),
        ("rate = 0", "profile x: rate has to be a number above 0, not 0"),
        ("page_size = 1.5", "profile x: page_size has to be a number above 0, not 1.5"),
        ("page_size = '9'", "profile x: page_size has to be a number above 0, not '9'"),
    ],
)
def test_a_wrong_profile_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile("x", text)

    assert str(caught.value) == problem
