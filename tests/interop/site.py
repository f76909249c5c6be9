"""A company and its application at a server that others wrote."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.interop.servers import Server
from tests.office import ENTERPRISE, Office, Ran, Row
from tests.servers.proxy import running_proxy

Json = dict[str, Any]
Groups = Mapping[str, Iterable[Row]]

USER = """
externalId = "id"
userName = "email | lower"
"name.givenName" = "given"
"name.familyName" = "family"
active = true
'emails[type eq "work"].value' = "email | lower"
"""


def send_by_hand(url: str, token: str, method: str, path: str, body: Json | None = None) -> Json:
    """Send a request without scimsync; return the body of the response."""
    request = urllib.request.Request(
        url + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"},
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    read: Json = json.loads(text) if text else {}
    return read


class Between:
    """What a proxy does: what it refuses, and what happens before the first request of a kind.

    `writes` are the lines of the requests that change something.
    """

    def __init__(self) -> None:
        self.writes: list[str] = []
        self._refused: dict[str, str] = {}
        self._first: dict[str, Callable[[], object]] = {}

    def refuse(self, part: str, status: int) -> None:
        """Refuse all requests with `part` in their line, such as `PATCH /v2/Users/1`."""
        self._refused[part] = str(status)

    def before(self, method: str, act: Callable[[], object]) -> None:
        """Act before the next request of a method is passed on."""
        self._first[method] = act

    def __call__(self, line: str, _body: bytes) -> str:
        method = line.partition(" ")[0]
        if method != "GET":
            self.writes.append(line)
        act = self._first.pop(method, None)
        if act is not None:
            act()
        return next((how for part, how in self._refused.items() if part in line), "")


class Unmet(AssertionError):
    """The application is not as it should be, and scimsync says so."""


class Dishonest(AssertionError):
    """The application is not as it should be, and scimsync does not say so."""


@dataclass
class Site:
    """`url` is the base URL of the application, without any proxy before it."""

    office: Office
    server: Server
    url: str

    def configure(self, *, user: str = "", target: str = "", more: str = "") -> None:
        """Write sync.toml. Nothing in it is due to the server."""
        guard = 'max_adoptions = "100%"\nmax_updates = "100%"'
        self.office.configure(user=USER + user, target=target, more=more, guard=guard)

    def push(self, *arguments: str) -> Ran:
        """Push, an hour later than before."""
        self.office.now += timedelta(hours=1)
        ran = self.office.run("push", *arguments)
        assert "Traceback" not in ran.err, ran.err
        return ran

    def settle(
        self, rows: Iterable[Row], *, left: Iterable[Row] = (), groups: Groups | None = None
    ) -> None:
        """Hire `rows` and push. Expect exactly their accounts, inactive ones for those who `left`,
        the `groups` with their members, and nothing to do afterwards.

        Raises Unmet or Dishonest.
        """
        rows = list(rows)
        self.office.hire(rows)
        ran = self.push()
        wrong = self.wrong(rows, left=left, groups=groups)
        if wrong and ran.code != 0:
            raise Unmet(f"exit {ran.code}: {ran.err}\n{wrong}")
        if wrong:
            raise Dishonest(f"exit 0, but {wrong}")
        if ran.code != 0:
            raise Unmet(f"exit {ran.code}: {ran.err}")
        again = self.office.run("plan", "--exit-code")
        if again.code != 0:
            raise Unmet(f"plan after a push: exit {again.code}: {again.out}{again.err}")

    def wrong(
        self, rows: Iterable[Row], *, left: Iterable[Row] = (), groups: Groups | None = None
    ) -> list[str]:
        """Return how the application differs from what it should hold."""
        active = {account["userName"]: account for account in map(wanted, rows)}
        inactive = {account["userName"]: account for account in map(wanted, left)}
        for account in inactive.values():
            account["active"] = False
        users = self.read("Users")
        found = {one["userName"].lower(): one for one in users}
        differences = _differences(
            {name: held(one) for name, one in found.items()}, active | inactive
        )
        if len(users) != len(found):
            differences.append(f"{len(users)} accounts have {len(found)} names")
        if groups is not None:
            names = {str(one["id"]): name for name, one in found.items()}
            members = {
                one["displayName"]: {
                    names.get(str(member["value"]), str(member["value"]))
                    for member in one.get("members") or ()
                }
                for one in self.read("Groups")
            }
            differences += _differences(
                members, {name: {row["email"].lower() for row in of} for name, of in groups.items()}
            )
        return differences

    def expect(self, held: Any, wanted: Any) -> None:
        """Check something else that the application holds after a push that succeeded.

        Raises Dishonest.
        """
        if held != wanted:
            raise Dishonest(f"{held} instead of {wanted}")

    def lose_state(self) -> None:
        """Delete the state."""
        for file in self.office.folder.glob("scimsync.db*"):
            file.unlink()
        for file in self.office.folder.glob("*.duckdb*"):
            file.unlink()

    @contextmanager
    def proxy(self) -> Iterator[Between]:
        """Put a proxy before the application, from the beginning. Other clients do not notice."""
        between = Between()
        with running_proxy(self.server.root, between) as proxy:
            self.office.url = self.url.replace(self.server.root, proxy.url)
            self.configure()
            yield between

    # The application, as its other clients use it

    def declares(self, feature: str) -> bool:
        """Return whether the application supports a feature, by what it declares."""
        supported: bool = self.call("GET", "/ServiceProviderConfig")[feature]["supported"]
        return supported

    def read(self, collection: str) -> list[Json]:
        """Return all resources. Those that lists do not show are read by the ids of the links."""
        found: dict[str, Json] = {}
        cursor = ""
        while True:
            start = f"cursor={cursor}" if self.server.cursors else f"startIndex={len(found) + 1}"
            page = self.call("GET", f"/{collection}?{start}&count=200")
            shown = {str(one["id"]): one for one in page.get("Resources") or ()}
            if len(found | shown) == len(found):
                break
            found |= shown
            cursor = page.get("nextCursor", "")
            if self.server.cursors and not cursor:
                break
        if len(found) < page["totalResults"]:
            for link in self.office.links().values():
                if link.remote_id is not None and link.remote_id not in found:
                    found |= self._linked(collection, link.remote_id)
        assert len(found) == page["totalResults"]
        return list(found.values())

    def _linked(self, collection: str, remote_id: str) -> dict[str, Json]:
        try:
            return {remote_id: self.call("GET", f"/{collection}/{remote_id}")}
        except urllib.error.HTTPError:
            return {}

    def account(self, row: Row) -> Json:
        """Return the account of a person."""
        name = row["email"].lower()
        (found,) = (one for one in self.read("Users") if one["userName"].lower() == name)
        return found

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a request; return the body of the response."""
        return send_by_hand(self.url, self.server.token, method, path, body)

    def create(self, row: Row, **other: Any) -> Json:
        """Make an account without scimsync."""
        name = row["email"].lower()
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
            "name": {"givenName": row["given"], "familyName": row["family"]},
            "emails": [{"type": "work", "value": name, "primary": True}],
            "active": True,
        }
        return self.call("POST", "/Users", body | other)

    def replace(self, row: Row, **other: Any) -> None:
        """Change an account without scimsync."""
        account = self.account(row)
        kept = {
            name: value for name, value in account.items() if name not in ("id", "meta", "groups")
        }
        self.call("PUT", f"/Users/{account['id']}", kept | other)

    def titled(self, row: Row) -> str | None:
        """Give an account a title, which is not mapped; return it as the account holds it."""
        self.replace(row, title="Clerk")
        title: str | None = self.account(row).get("title")
        return title

    def delete(self, row: Row) -> None:
        """Delete an account without scimsync."""
        self.call("DELETE", f"/Users/{self.account(row)['id']}")


def wanted(row: Row) -> Json:
    """Return what `held` should return for the account of a person."""
    name = row["email"].lower()
    return {
        "externalId": row["id"],
        "userName": name,
        "givenName": row["given"],
        "familyName": row["family"],
        "active": True,
        "email": name,
    }


def held(user: Json) -> Json:
    """Return what an account holds of the attributes that are mapped."""
    name = user.get("name") or {}
    return {
        "externalId": user.get("externalId"),
        "userName": user["userName"].lower(),
        "givenName": name.get("givenName"),
        "familyName": name.get("familyName"),
        "active": user.get("active"),
        "email": next((one["value"] for one in user.get("emails") or ()), None),
    }


def enterprise(user: Json) -> Json:
    """Return the attributes of the enterprise extension."""
    extension: Json = user.get(ENTERPRISE) or {}
    return extension


def _differences(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {held.get(name)} instead of {wanted.get(name)}"
        for name in sorted(held.keys() | wanted.keys())
        if held.get(name) != wanted.get(name)
    ]
