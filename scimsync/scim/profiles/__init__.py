"""Facts about service providers, one TOML file each: limits, and where it is written that they
hold."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from scimsync.scim.errors import ScimError

_FACTS: Mapping[str, Any] = {
    "page_size": int,
    "members_per_patch": int,
    "rate": int | float,
    "concurrency": int,
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one kind of service provider.

    `page_size` is how many resources to ask for in one list request, `members_per_patch` how many
    members one PATCH of a group may change, `rate` the requests a second and `concurrency` the
    requests at a time that it bears; None for no limit that is known.
    """

    name: str
    page_size: int = 100
    members_per_patch: int = 500
    rate: float | None = None
    concurrency: int | None = None


def profile_names() -> list[str]:
    """The names that `load_profile` knows."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in files(__name__).iterdir()
        if entry.name.endswith(".toml")
    )


def load_profile(name: str) -> Profile:
    """The profile called `name`. Raises ScimError for an unknown one, naming those there are."""
    known = profile_names()
    if name not in known:
        raise ScimError(f"no profile {name!r}; there are: {', '.join(known)}")
    return read_profile(name, (files(__name__) / f"{name}.toml").read_text("utf-8"))


def read_profile(name: str, text: str) -> Profile:
    """A profile from its TOML text. Raises ScimError for a fact that is unknown or not a number
    above 0."""
    facts: dict[str, Any] = tomllib.loads(text)
    for fact, value in facts.items():
        if fact not in _FACTS:
            raise ScimError(
                f"profile {name}: unknown fact {fact!r}; there are: {', '.join(_FACTS)}"
            )
        if isinstance(value, bool) or not isinstance(value, _FACTS[fact]) or value <= 0:
            raise ScimError(f"profile {name}: {fact} has to be a number above 0, not {value!r}")
    return Profile(name, **facts)
