"""What a profile holds, and how it is read from TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from scimsync.scim.filters import parse_filter
from scimsync.scim.grammar import FilterError
from scimsync.scim.profiles.rates import RequestRate, read_rate
from scimsync.scim.shapes import CHOICES, Axis


class ProfileError(ValueError):
    """An unknown fact in a profile, or one of the wrong type."""


@dataclass(frozen=True, slots=True)
class FactSource:
    """Where facts of a profile were read, and when.

    `version` is that of the page, such as the first digits of a commit. `verified` is whether the
    facts were seen at the product itself.
    """

    page: str
    read: date
    version: str = ""
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """The known facts about one kind of service provider; sync.toml may override them.

    Tuples are empty and limits None if nothing is known.
    """

    name: str

    product: str = ""
    """The name of the product."""

    url: str | None = None
    """The form of its base URL, where `<…>` stands for what differs between customers."""

    type: str = "scim"
    """The type of its targets: that of an adapter if it has no SCIM."""

    dialect: str | None = None
    """The dialect to use."""

    shape: Mapping[str, str] = field(default_factory=dict)
    """Choices in the shape of requests that it is known to take, by axis (see `scim.shapes`)."""

    auth: tuple[str, ...] = ()
    """The types of authentication that it accepts."""

    oauth: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The settings of `auth` of type oauth2 that it needs, where they differ from client
    credentials with a secret; `init` writes them."""

    attributes: tuple[str, ...] = ()
    """The attributes of users that it is known to store."""

    required: tuple[str, ...] = ()
    """The attributes of users that it requires."""

    not_supported: tuple[str, ...] = ()
    """The attributes of users that it refuses or drops."""

    immutable: tuple[str, ...] = ()
    """The attributes of users that cannot be changed, or whose changes it ignores, after the
    creation."""

    group_immutable: tuple[str, ...] = ()
    """The same of groups."""

    send_only: tuple[str, ...] = ()
    """The attributes of users that it takes and never returns."""

    match: tuple[str, ...] = ()
    """The attributes by which users can be found; empty for the default of sync.toml."""

    filter_needs: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The text that a value needs in a filter on an attribute, by path. A filter without it finds
    nothing."""

    equal: tuple[str, ...] = ()
    """The attributes of users that have to have one value."""

    max_chars: Mapping[str, int] = field(default_factory=dict, hash=False)
    """The largest number of characters of attributes of users, by path."""

    forbidden: str = ""
    """The characters that no value of a user may have."""

    id_is: str | None = None
    """The attribute of users that is their id: the id changes with it."""

    groups: str = "full"
    """Whether it has groups: `full`, `update` (they cannot be created or deleted), `link` (a
    creation links a group that exists, and groups cannot be deleted), `none`, or `unknown`: the
    pages that were read do not mention any."""

    members_returned: bool = True
    """Whether a group that is read shows its members."""

    member_filter: str | None = None
    """The filter that finds a group by one of its members, if groups do not show their members:
    `{group}` and `{member}` stand for their ids, in quotation marks."""

    paging: str | None = None
    """How its lists are paged: by `index`, by `cursor` (RFC 9865), or not at all (`none`): the list
    shows the same first resources whatever page is asked for."""

    deactivate_means: str = "deactivate"
    """What a user loses when `active` becomes false: access (`deactivate`), the membership of the
    organization (`remove`), the same and the id of the account (`forget`), or the account for good
    (`delete`)."""

    delete_means: str = "delete"
    """What DELETE does to a user: it deletes the account (`delete`) in a way that cannot be undone
    (`irreversible`), takes away the membership of the organization (`remove`), only deactivates the
    account (`deactivate`), or is refused (`refuse`)."""

    invite: bool = False
    """Whether a new user gets an invitation, and may be shown as inactive until they accept it."""

    lists_lie: bool = False
    """Whether the list of all users or groups shows made-up ones or none, so that only filters find
    them."""

    sees_only_own: bool = False
    """Whether it shows only the users and groups that SCIM created, so that one which is not found
    may exist."""

    write_delay: int = 0
    """The seconds after a write in which reads may still show what was there before."""

    token_expires: int | None = None
    """The days that a token of it lives."""

    notes: tuple[str, ...] = ()
    """Further facts for administrators."""

    page_size: int = 100
    """The number of resources to ask for in one list request."""

    members_per_patch: int = 500
    """The number of members that one PATCH of a group may change."""

    removals_per_patch: int | None = None
    """The number of members that one PATCH of a group may remove, if it may not add others."""

    rate: float | None = None
    """The number of requests per second."""

    rates: tuple[RequestRate, ...] = ()
    """The number of requests of a class in a period."""

    concurrency: int | None = None
    """The number of requests at the same time."""

    bulk: bool | None = None
    """Whether bulk requests work, whatever it declares."""

    sources: tuple[FactSource, ...] = ()
    """Where these facts were read."""

    def serves(self, host: str) -> bool:
        """Return whether `host` is one of the product's own hosts.

        A product that its customers run themselves has none.
        """
        pattern = "" if self.url is None else (urlsplit(self.url).hostname or "")
        if pattern.replace(".", "").startswith("<") and pattern.count(".") < 2:
            return False
        expression = re.sub(r"<[^>]*>", "[^.]+", re.sub(r"([.])", r"\\\1", pattern))
        return bool(pattern) and re.fullmatch(expression, host.lower()) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_shape(value: object) -> bool:
    return isinstance(value, dict) and all(
        axis in CHOICES and choice in CHOICES[Axis(axis)] for axis, choice in value.items()
    )


def _is_named_texts(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_text, value.values()))


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_count, value.values()))


def _one_of(*words: str) -> tuple[Callable[[object], bool], str]:
    return (lambda value: value in words), f"one of {', '.join(words)}"


def _is_member_filter(value: object) -> bool:
    """Return whether a text is a filter once `{group}` and `{member}` stand for ids."""
    if not isinstance(value, str) or not ("{group}" in value and "{member}" in value):
        return False
    try:
        parse_filter(value.format(group='"g"', member='"m"'))
    except (FilterError, KeyError, ValueError, IndexError):
        return False
    return True


_TEXT = (_is_text, "a text")
_TEXTS = (_is_texts, "a list of texts")
_FLAG = ((lambda value: isinstance(value, bool)), "true or false")
_COUNT = (_is_count, "a whole number above 0")

_FLAG = (lambda value: isinstance(value, bool), "true or false")

_FACTS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "product": _TEXT,
    "url": _TEXT,
    "type": _TEXT,
    "dialect": _TEXT,
    "shape": (_is_shape, "a table of " + ", ".join(CHOICES)),
    "auth": _TEXTS,
    "oauth": (_is_named_texts, "a table of texts"),
    "attributes": _TEXTS,
    "required": _TEXTS,
    "not_supported": _TEXTS,
    "immutable": _TEXTS,
    "group_immutable": _TEXTS,
    "send_only": _TEXTS,
    "match": _TEXTS,
    "filter_needs": (_is_named_texts, "a table of texts"),
    "equal": _TEXTS,
    "max_chars": (_is_counts, "a table of whole numbers above 0"),
    "forbidden": _TEXT,
    "id_is": _TEXT,
    "groups": _one_of("full", "update", "link", "none", "unknown"),
    "members_returned": _FLAG,
    "member_filter": (_is_member_filter, "a filter with {group} and {member}"),
    "paging": _one_of("index", "cursor", "none"),
    "deactivate_means": _one_of("deactivate", "remove", "forget", "delete"),
    "delete_means": _one_of("delete", "irreversible", "remove", "deactivate", "refuse"),
    "invite": _FLAG,
    "lists_lie": _FLAG,
    "sees_only_own": _FLAG,
    "write_delay": _COUNT,
    "token_expires": _COUNT,
    "notes": _TEXTS,
    "page_size": _COUNT,
    "members_per_patch": _COUNT,
    "removals_per_patch": _COUNT,
    "rate": (_is_rate, "a number above 0"),
    "rates": ((lambda value: isinstance(value, list)), "tables"),
    "concurrency": _COUNT,
    "bulk": _FLAG,
    "sources": ((lambda value: isinstance(value, list)), "tables"),
}


def read_profile(name: str, text: str) -> Profile:
    """Return the profile in `text`, a TOML document.

    Raise ProfileError for a fact that is unknown or has the wrong type.
    """
    facts: dict[str, Any] = tomllib.loads(text)
    for fact, value in facts.items():
        if fact not in _FACTS:
            known = ", ".join(_FACTS)
            raise ProfileError(f"profile {name}: unknown fact {fact!r}; there are: {known}")
        fits, what = _FACTS[fact]
        if not fits(value):
            raise ProfileError(f"profile {name}: {fact} has to be {what}, not {value!r}")
    sources = tuple(_source(name, table) for table in facts.pop("sources", ()))
    rates = tuple(_rate(name, table) for table in facts.pop("rates", ()))
    lists = {fact: tuple(value) for fact, value in facts.items() if isinstance(value, list)}
    return Profile(name, **facts | lists, rates=rates, sources=sources)


def _rate(name: str, table: object) -> RequestRate:
    try:
        return read_rate(table)
    except ValueError as error:
        raise ProfileError(f"profile {name}: rates: {error}") from None


def _source(name: str, table: object) -> FactSource:
    try:
        source = FactSource(**table)  # type: ignore[arg-type]
    except TypeError as error:
        raise ProfileError(f"profile {name}: sources: {error}") from None
    if not _is_text(source.page) or not isinstance(source.read, date):
        raise ProfileError(f"profile {name}: sources: page is a text and read a date")
    return source
