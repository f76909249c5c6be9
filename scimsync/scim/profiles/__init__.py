"""Profiles: facts about service providers, one TOML file each, with the source of each fact.

To add a profile, add a file to this folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from scimsync.registry import Registry

_LIMITS: Final[Mapping[str, Any]] = {
    "page_size": int,
    "members_per_patch": int,
    "rate": int | float,
    "concurrency": int,
}


class ProfileError(ValueError):
    """An unknown fact in a profile, or one of the wrong type."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one kind of service provider; sync.toml may override it.

    `dialect` is the dialect to use. `auth` lists the types of authentication that it accepts (empty
    if unknown). `page_size` is the number of resources to ask for in one list request. The other
    fields are limits of the service provider, None if unknown: `members_per_patch` is the number of
    members that one PATCH of a group may change, `rate` the number of requests per second, and
    `concurrency` the number of requests at the same time.
    """

    name: str
    dialect: str | None = None
    auth: tuple[str, ...] = ()
    page_size: int = 100
    members_per_patch: int = 500
    rate: float | None = None
    concurrency: int | None = None


def read_profile(name: str, text: str) -> Profile:
    """Return the profile in `text`, a TOML document.

    Raise ProfileError for a fact that is unknown or has the wrong type.
    """
    facts: dict[str, Any] = tomllib.loads(text)
    known = ("dialect", "auth", *_LIMITS)
    for fact, value in facts.items():
        if fact not in known:
            raise ProfileError(
                f"profile {name}: unknown fact {fact!r}; there are: {', '.join(known)}"
            )
        if fact == "dialect" and not isinstance(value, str):
            raise ProfileError(f"profile {name}: dialect has to be a name, not {value!r}")
        if fact == "auth" and not _is_list_of_names(value):
            raise ProfileError(f"profile {name}: auth has to be a list of names, not {value!r}")
        if fact in _LIMITS and (
            isinstance(value, bool) or not isinstance(value, _LIMITS[fact]) or value <= 0
        ):
            raise ProfileError(f"profile {name}: {fact} has to be a number above 0, not {value!r}")
    return Profile(name, **facts | {"auth": tuple(facts.get("auth", ()))})


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _read_file(file: Traversable) -> Profile:
    return read_profile(file.name.removesuffix(".toml"), file.read_text("utf-8"))


PROFILES: Final[Registry[Callable[[], Profile]]] = Registry(
    "profile",
    {
        file.name.removesuffix(".toml"): partial(_read_file, file)
        for file in files(__name__).iterdir()
        if file.name.endswith(".toml")
    },
)
"""Profiles by name; each reads its file when it is called."""
