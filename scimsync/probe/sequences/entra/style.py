"""How the service writes its requests, with and without the flag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from scimsync.probe.sequence import Query, Send, Step
from scimsync.probe.sequences import steps
from scimsync.probe.sequences.bodies import ENTERPRISE, USER, Json

NO_MEMBERS: Final = ("excludedAttributes", "members")
RANDOM: Final = "00000000-0000-4000-8000-00{run}"
"""A GUID that is no userName and no displayName."""


@dataclass(frozen=True, slots=True)
class Style:
    """How the service writes its requests, with and without the flag."""

    name: str
    title: str
    flag: Query
    capital: bool

    def op(self, word: str) -> str:
        return word.capitalize() if self.capital else word

    def query(self, *more: tuple[str, str]) -> Query:
        """Return a query: the one of the tenant URL is part of each request."""
        return (*self.flag, *more)

    def disabled(self, is_disabled: bool) -> Any:
        return str(not is_disabled) if self.capital else not is_disabled


def look_up(style: Style, endpoint: str, condition: str, *more: tuple[str, str]) -> Send:
    return Send("GET", endpoint, query=style.query(*more, ("filter", condition)))


def change(
    style: Style,
    name: str,
    resource: str,
    operations: list[Json],
    check: str,
    *judges: Any,
) -> Step:
    """Return a PATCH. `check` is passed if it is accepted and the resource is right after it."""
    return steps.change(name, resource, operations, check, *judges, query=style.query())


def user(name: str, roles: list[Json]) -> Json:
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": f"{{{name}.externalId}}",
        "userName": f"{{{name}.name}}",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": f"{{{name}.name}}"}],
        "meta": {"resourceType": "User"},
        "name": {
            "formatted": "givenName familyName",
            "familyName": "familyName",
            "givenName": "givenName",
        },
        "roles": roles,
    }
