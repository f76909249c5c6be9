"""Reads targets over HTTP, without scimsync, into the form of `tests.lifecycle.model`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.lifecycle.model import Account, Target
from tests.office import fetch

Json = dict[str, Any]


def read_all(url: str, token: str, collection: str) -> list[Json]:
    """All resources of `Users` or `Groups`, page by page."""
    found: list[Json] = []
    while True:
        page = fetch(f"{url}/{collection}?startIndex={len(found) + 1}&count=1000", token)
        found += page.get("Resources", [])
        if len(found) >= page["totalResults"]:
            return found


class Reader:
    """Reads one target again and again; remembers whose an id was, for accounts that are gone."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._whose: dict[str, Account] = {}

    def users(self, expected: Target) -> dict[str, Json]:
        """userName -> what the account holds, a manager as `Account`; names must be unique."""
        found = read_all(self._url, self._token, "Users")
        assert max(Counter(one["userName"].casefold() for one in found).values(), default=1) == 1
        accounts = {user.name: user.account for user in expected.users.values()}
        for one in found:
            if one["userName"].casefold() in accounts:
                self._whose[one["id"]] = accounts[one["userName"].casefold()]
        return {one["userName"]: self._user(one) for one in found}

    def groups(self, expected: Target) -> dict[str, tuple[Json, list[Any]]]:
        """displayName -> what the group holds and its members; call `users` first."""
        found = read_all(self._url, self._token, "Groups")
        assert max(Counter(one["displayName"] for one in found).values(), default=1) == 1
        keys = {group.holds["displayName"]: key for key, group in expected.groups.items()}
        whose: dict[str, tuple[str, Any]] = {
            key: ("User", account) for key, account in self._whose.items()
        }
        whose |= {one["id"]: ("Group", keys.get(one["displayName"])) for one in found}
        return {
            one["displayName"]: (
                {
                    name: value
                    for name, value in one.items()
                    if name in ("displayName", "externalId")
                },
                sorted(
                    (
                        whose.get(member["value"], ("nobody", member["value"]))
                        for member in one.get("members", [])
                    ),
                    key=str,
                ),
            )
            for one in found
        }

    def _user(self, resource: Json) -> Json:
        held = {
            name: value
            for name, value in resource.items()
            if name not in ("id", "meta", "schemas", "groups")
        }
        for name, value in list(held.items()):
            if name in ("roles", "entitlements"):
                held[name] = sorted(({"value": one["value"]} for one in value), key=str)
            elif name.startswith("urn:") and "manager" in value:
                manager = value["manager"]["value"]
                held[name] = {**value, "manager": {"value": self._whose.get(manager, manager)}}
        return {name: value for name, value in held.items() if value != []}


def expected_users(target: Target) -> dict[str, Json]:
    """The model's accounts in the form of `Reader.users`."""
    return {
        user.holds["userName"]: {name: value for name, value in user.holds.items() if value != []}
        for user in target.users.values()
    }


def expected_groups(target: Target) -> dict[str, tuple[Json, list[Any]]]:
    """The model's groups in the form of `Reader.groups`."""
    return {
        group.holds["displayName"]: (group.holds, sorted(group.members, key=str))
        for group in target.groups.values()
    }


def differences(held: dict[str, Any], wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Name -> (what is there, what should be there), where these differ."""
    return {
        name: (held.get(name), wanted.get(name))
        for name in sorted(held.keys() | wanted.keys())
        if held.get(name) != wanted.get(name)
    }
