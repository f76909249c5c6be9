"""A Hoop.dev gateway on loopback, as far as users and groups go.

It does what gateway/api/user/user.go and gateway/models do at commit e939597d of
github.com/hoophq/hoop, with what surprises: the id in the response to a creation is another one
than in lists, a deletion by e-mail address deletes nobody once the user has signed in, and a group
without members exists only if it was created.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from tests.servers.faulty_http import FaultyHttpServer, Json, Reply, Seen


@dataclass
class User:
    """A row of the table of users. `groups` are its rows in the table of groups."""

    email: str
    subject: str
    name: str = ""
    status: str = "invited"
    verified: bool = False
    slack_id: str = ""
    picture: str = ""
    groups: list[str] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.subject,
            "name": self.name,
            "email": self.email,
            "status": self.status,
            "verified": self.verified,
            "role": "admin" if "admin" in self.groups else "standard",
            "slack_id": self.slack_id,
            "picture": self.picture,
            "groups": list(self.groups),
        }


class HoopServer(FaultyHttpServer):
    """A gateway. `users` are by e-mail address; `empty` are the groups that were created.

    `local` is whether it authenticates users itself, with passwords.
    """

    def __init__(self) -> None:
        super().__init__("/api")
        self.token = "hpk_open-sesame"
        self.local = False
        self.users: dict[str, User] = {}
        self.empty: set[str] = set()

    @property
    def groups(self) -> dict[str, set[str]]:
        """Name -> e-mail addresses of the members."""
        held: dict[str, set[str]] = {name: set() for name in self.empty}
        for user in self.users.values():
            for name in user.groups:
                held.setdefault(name, set()).add(user.email)
        return held

    def sign_in(self, email: str, subject: str) -> None:
        """Do what a sign-in through an identity provider does."""
        user = self.users[email]
        assert user.status != "inactive"
        user.subject, user.status = subject, "active"

    def answer(self, seen: Seen) -> Reply:
        if seen.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "access denied")
        _, collection, *rest = seen.path.split("/")
        if collection != "users" or len(rest) > 2:
            return Reply(404, b"404 page not found")
        if rest[:1] == ["groups"]:
            return self._groups(seen, rest[1:])
        if not rest:
            return self._create(seen.body or {}) if seen.method == "POST" else self._list()
        return self._user(seen, rest[0])

    def elsewhere(self, _seen: Seen) -> Reply:
        return Reply(200, b"<!DOCTYPE html><html><title>hoop</title></html>")

    def _list(self) -> Reply:
        ordered = sorted(self.users.values(), key=lambda user: user.email, reverse=True)
        return Reply(200, [user.to_json() for user in ordered])

    def _create(self, body: Json) -> Reply:
        email = body["email"]
        if "@" not in email:
            return _error(422, "invalid email")
        if email in self.users:
            return _error(409, f"user already exists with email {email}")
        status = body.get("status") or "invited"
        user = User(
            email,
            subject=email,
            name=body["name"],
            status="active" if self.local else status,
            verified=self.local,
            slack_id=body.get("slack_id", ""),
            picture=body.get("picture", ""),
            groups=list(body.get("groups", [])),
        )
        self.users[email] = user
        return Reply(201, {**body, "id": str(uuid4()), "status": user.status})

    def _user(self, seen: Seen, key: str) -> Reply:
        by = "email" if "@" in key else "subject"
        user = next((one for one in self.users.values() if getattr(one, by) == key), None)
        if user is None:
            return _error(404, f"user {key} not found")
        if seen.method == "DELETE":
            self.users = {email: one for email, one in self.users.items() if one.subject != key}
            return Reply(204)
        if seen.method == "PUT":
            body = seen.body or {}
            user.name, user.status = body.get("name", ""), body.get("status", "")
            user.slack_id, user.picture = body.get("slack_id", ""), body.get("picture", "")
            user.groups = list(body.get("groups", []))
        return Reply(200, user.to_json())

    def _groups(self, seen: Seen, rest: list[str]) -> Reply:
        if seen.method == "GET":
            return Reply(200, list(self.groups) or b"null")
        if seen.method == "POST":
            name = (seen.body or {})["name"]
            if name in self.groups:
                return _error(409, f"group {name} already exists")
            self.empty.add(name)
            return Reply(201, {"name": name})
        (name,) = rest
        if name == "admin":
            return _error(422, "cannot delete admin group admin")
        if name not in self.groups:
            return _error(404, f"group {name} not found")
        self.empty.discard(name)
        for user in self.users.values():
            user.groups = [one for one in user.groups if one != name]
        return Reply(204)


def _error(status: int, message: str) -> Reply:
    return Reply(status, {"message": message})


@contextmanager
def running_hoop_server() -> Iterator[HoopServer]:
    """Run a gateway as long as the context lasts."""
    server = HoopServer()
    with server.running():
        yield server
