"""Changes that others make at an application, at random, and what a reconciliation has to find."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from scimsync.model.links import Link, LinkStatus
from tests.interop.site import send_by_hand
from tests.office import ENTERPRISE, Office, Row, person

Json = dict[str, Any]
Found: TypeAlias = tuple[str, str | None, str | None]
"""Drift, key of the user or group (None for an account that has none), and path, or member: its
key, or its id without one."""

DEPARTMENTS = ("IT", "Sales", "Law", "Ops", "HR")
GROUPS = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"'
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def staff(count: int) -> list[Row]:
    """People in five departments."""
    return [person(number, dept=DEPARTMENTS[number % 5]) for number in range(1, count + 1)]


def found(document: Json, target: str = "wiki") -> set[Found]:
    """Return what `reconcile --json` found, as `Hands.expected` has it."""
    rows: set[Found] = set()
    for one in document["targets"][target]["findings"]:
        member = one["member"]
        if one["drift"] == "changed":
            rows |= {("changed", one["key"], change["path"]) for change in one["changes"]}
        elif one["drift"] == "unmanaged":
            rows.add(("unmanaged", None, one["name"]))
        elif member is not None:
            rows.add((one["drift"], one["key"], member["key"] or member["id"]))
        else:
            rows.add((one["drift"], one["key"], None))
    return rows


@dataclass
class Hands:
    """Changes an application by its own API. Each change is about another user, member or group.

    `expected` is what a reconciliation has to find. `dangling`: groups may have members that do not
    exist.
    """

    office: Office
    chance: random.Random
    dangling: bool = True
    expected: set[Found] = field(default_factory=set)
    _touched: set[str] = field(default_factory=set)
    _groups: set[str] = field(default_factory=set)
    _number: int = 0
    _guests: dict[str, str] = field(default_factory=dict)

    @property
    def concerned(self) -> set[str]:
        """The users and groups that a repair is about, and accounts without a user.

        Memberships of accounts that were made again are added to their groups.
        """
        again = [key for drift, key, _ in self.expected if drift in ("vanished", "new id")]
        links = self.office.links()
        groups = {
            f"departments:{links[key].document.get(f'{ENTERPRISE}:department')}"
            for key in again
            if key in links and ":" not in str(key)
        }
        unmanaged = set(self._guests.values())
        return {str(key) for _, key, _ in self.expected if key} | groups | unmanaged

    def change(self, count: int) -> None:
        """Make `count` changes."""
        links = self.office.links()
        kinds: list[Callable[[dict[str, Link]], bool]] = [
            *[self._value] * 6,
            *[self._deactivate] * 2,
            *[self._reactivate] * 2,
            *[self._delete] * 2,
            *[self._replace] * 2,
            *[self._unmanaged] * 2,
            *[self._add_member] * 3,
            *[self._remove_member] * 3,
            self._foreign_member,
            self._dangling_member,
            self._rename_group,
            self._delete_group,
        ]
        made = 0
        while made < count:
            made += self.chance.choice(kinds)(links)
        self._expect_left_behind(links)

    def _expect_left_behind(self, links: dict[str, Link]) -> None:
        """Expect the ids of deleted accounts that the application left in its groups."""
        gone = {
            str(links[str(key)].remote_id)
            for drift, key, _ in self.expected
            if drift in ("vanished", "new id") and ":" not in str(key)
        }
        for group, link in links.items():
            if ":" in group and ("vanished", group, None) not in self.expected:
                members = self.call("GET", f"/Groups/{link.remote_id}").get("members") or []
                left = gone & {str(one["value"]) for one in members}
                self.expected |= {("dangling member", group, one) for one in left}

    # Accounts

    def _user(self, links: dict[str, Link], status: LinkStatus) -> str | None:
        """Return a user that nothing was done about."""
        keys = sorted(
            key
            for key, link in links.items()
            if ":" not in key and link.status is status and key not in self._touched
        )
        if not keys:
            return None
        key = self.chance.choice(keys)
        self._touched.add(key)
        return key

    def _value(self, links: dict[str, Link]) -> bool:
        key = self._user(links, LinkStatus.ACTIVE)
        if key is None:
            return False
        path, value = self.chance.choice(
            [
                ("displayName", f"Changed {key}"),
                ("name.givenName", f"Other{key}"),
                ("name.familyName", f"Else{key}"),
                ("userName", f"renamed{key}@example.com"),
                (f"{ENTERPRISE}:department", f"Dept {key}"),
                ('emails[type eq "work"].value', f"moved{key}@example.com"),
            ]
        )
        self._patch(f"/Users/{links[key].remote_id}", "replace", path, value)
        self.expected.add(("changed", key, path))
        return True

    def _deactivate(self, links: dict[str, Link]) -> bool:
        return self._set_active(links, LinkStatus.ACTIVE, "deactivated")

    def _reactivate(self, links: dict[str, Link]) -> bool:
        return self._set_active(links, LinkStatus.INACTIVE, "reactivated")

    def _set_active(self, links: dict[str, Link], status: LinkStatus, drift: str) -> bool:
        key = self._user(links, status)
        if key is not None:
            active = status is LinkStatus.INACTIVE
            self._patch(f"/Users/{links[key].remote_id}", "replace", "active", active)
            self.expected.add((drift, key, None))
        return key is not None

    def _delete(self, links: dict[str, Link]) -> bool:
        key = self._user(links, LinkStatus.ACTIVE)
        if key is not None:
            self.call("DELETE", f"/Users/{links[key].remote_id}")
            self.expected.add(("vanished", key, None))
        return key is not None

    def _replace(self, links: dict[str, Link]) -> bool:
        """Delete an account, and make it again: it has a new id then."""
        key = self._user(links, LinkStatus.ACTIVE)
        if key is not None:
            path = f"/Users/{links[key].remote_id}"
            account = self.call("GET", path)
            self.call("DELETE", path)
            kept = {name: held for name, held in account.items() if name not in ("id", "meta")}
            kept.pop("groups", None)
            self.call("POST", "/Users", kept)
            self.expected.add(("new id", key, None))
        return key is not None

    def _unmanaged(self, _: dict[str, Link]) -> bool:
        name = self._create()["userName"]
        self.expected.add(("unmanaged", None, name))
        return True

    def _create(self) -> Json:
        self._number += 1
        name = f"guest{self._number}@example.com"
        body = {"schemas": [_USER], "userName": name, "active": True}
        body["emails"] = [{"type": "work", "value": name, "primary": True}]
        body["name"] = {"givenName": "Guest", "familyName": str(self._number)}
        account = self.call("POST", "/Users", body)
        self._guests[name] = f" (unmanaged) {account['id']}"
        return account

    # Groups

    def _group(self, links: dict[str, Link]) -> str:
        return self.chance.choice(
            sorted(key for key in links if ":" in key and key not in self._groups)
        )

    def _member(self, links: dict[str, Link], group: str, *, inside: bool) -> str | None:
        """Return a user who is in a group, or is not."""
        department = group.partition(":")[2]
        keys = sorted(
            key
            for key, link in links.items()
            if ":" not in key
            and key not in self._touched
            and link.status is LinkStatus.ACTIVE
            and (link.document.get(f"{ENTERPRISE}:department") == department) is inside
        )
        if len(keys) < 3:
            return None
        self._touched.add(key := self.chance.choice(keys))
        return key

    def _add_member(self, links: dict[str, Link]) -> bool:
        group = self._group(links)
        key = self._member(links, group, inside=False)
        if key is not None:
            self._put_into(links[group], str(links[key].remote_id))
            self.expected.add(("member added", group, key))
        return key is not None

    def _remove_member(self, links: dict[str, Link]) -> bool:
        group = self._group(links)
        key = self._member(links, group, inside=True)
        if key is not None:
            path = f'members[value eq "{links[key].remote_id}"]'
            self._patch(f"/Groups/{links[group].remote_id}", "remove", path)
            self.expected.add(("member removed", group, key))
        return key is not None

    def _foreign_member(self, links: dict[str, Link]) -> bool:
        """Put an account into a group that no user is linked to."""
        group, account = self._group(links), self._create()
        self._put_into(links[group], account["id"])
        self.expected |= {
            ("unmanaged", None, account["userName"]),
            ("member added", group, account["id"]),
        }
        return True

    def _dangling_member(self, links: dict[str, Link]) -> bool:
        if not self.dangling:
            return False
        group, account = self._group(links), self._create()
        self._put_into(links[group], account["id"])
        self.call("DELETE", f"/Users/{account['id']}")
        members = self.call("GET", f"/Groups/{links[group].remote_id}").get("members", [])
        if any(one["value"] == account["id"] for one in members):
            self.expected.add(("dangling member", group, account["id"]))
            return True
        return False

    def _rename_group(self, links: dict[str, Link]) -> bool:
        if len(self._groups) > 2:
            return False
        self._groups.add(group := self._group(links))
        path = f"/Groups/{links[group].remote_id}"
        self._patch(path, "replace", "displayName", f"Renamed {group}")
        self.expected.add(("changed", group, "displayName"))
        return True

    def _delete_group(self, links: dict[str, Link]) -> bool:
        """Delete a group that nothing else was done about."""
        if len(self._groups) > 2:
            return False
        group = self._group(links)
        if any(key == group for _, key, _ in self.expected):
            return False
        self._groups.add(group)
        self.call("DELETE", f"/Groups/{links[group].remote_id}")
        self.expected.add(("vanished", group, None))
        return True

    def _put_into(self, group: Link, member: str) -> None:
        self._patch(f"/Groups/{group.remote_id}", "add", "members", [{"value": member}])

    # The application's API

    def _patch(self, path: str, word: str, attribute: str, value: Any = None) -> None:
        operation = {"op": word, "path": attribute}
        if value is not None:
            operation["value"] = value
        self.call("PATCH", path, {"schemas": [_PATCH], "Operations": [operation]})

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a request; return the body of the response."""
        return send_by_hand(self.office.url, self.office.token, method, path, body)


def all_held(hands: Hands) -> dict[str, Json]:
    """Return what each linked account and group holds, without what the application adds.

    The members of groups are sorted keys.
    """
    links = hands.office.links()
    keys = {str(link.remote_id): key for key, link in links.items()}
    held: dict[str, Json] = {}
    for key, link in links.items():
        collection = "Groups" if ":" in key else "Users"
        resource = hands.call("GET", f"/{collection}/{link.remote_id}")
        own = ("id", "meta", "groups", "members")
        held[key] = {name: value for name, value in resource.items() if name not in own}
        members = [keys.get(str(one["value"]), one["value"]) for one in resource.get("members", [])]
        held[key]["members"] = sorted(members)
    return held
