"""Profiles: facts about service providers, one TOML file each, with the source of each fact.

To add a profile, add a file to this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib.resources import files
from typing import Final

from scimsync.registry import Registry
from scimsync.scim.profiles.profile import FactSource, Profile, ProfileError, read_profile

__all__ = [
    "GENERIC",
    "PROFILES",
    "FactSource",
    "Profile",
    "ProfileError",
    "profile_of_host",
    "read_profile",
]

GENERIC: Final = "generic"
"""The name of the profile of a service provider of which nothing is known."""


@cache
def _read(name: str) -> Profile:
    return read_profile(name, files(__name__).joinpath(f"{name}.toml").read_text("utf-8"))


PROFILES: Final[Registry[Callable[[], Profile]]] = Registry(
    "profile",
    {
        name: partial(_read, name)
        for name in sorted(
            file.name.removesuffix(".toml")
            for file in files(__name__).iterdir()
            if file.name.endswith(".toml")
        )
    },
)
"""Profiles by name; each reads its file when it is called."""


def profile_of_host(host: str, profiles: Iterable[Callable[[], Profile]]) -> Profile | None:
    """Return the profile whose product has this host, or None if there is none, or several."""
    found = [profile for read in profiles if (profile := read()).serves(host)]
    return found[0] if len(found) == 1 else None
