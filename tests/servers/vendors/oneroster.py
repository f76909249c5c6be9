"""OneRoster 1.1 REST (HelloID-Conn-Prov-Source-OneRoster-v1.1-API, oneroster-ts-sdk)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import Handler, Json, Request, Response, Vendor, link
from tests.sources_company import Person

BASE = "/ims/oneroster/v1p1"


class OneRoster(Vendor):
    """Users and classes by offset, with the total and the next link in headers.

    Not all servers send the total: this one does with `counts`.
    """

    counts: bool = True
    name: ClassVar[str] = "oneroster"
    token_path: ClassVar[str | None] = "/token"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", f"{BASE}/users", self._users),
            ("GET", f"{BASE}/classes", self._classes),
            ("GET", f"{BASE}/classes/([^/]+)/students", self._students),
        ]

    def unauthorized(self) -> Response:
        return _error(401, "unauthorisedrequest", "The access token expired")

    def _users(self, request: Request) -> Response:
        return self._list(request, "users", [self._user(person) for person in self.people()])

    def _classes(self, request: Request) -> Response:
        classes = [
            {"sourcedId": group.key, "status": "active", "title": group.name, "classType": "other"}
            for group in self.groups()
        ]
        return self._list(request, "classes", classes)

    def _students(self, request: Request, key: str) -> Response:
        people = self.members(key)
        if people is None:
            return _error(404, "unknownobject", f"no class {key}")
        return self._list(request, "users", [self._user(person) for person in people])

    def _list(self, request: Request, what: str, records: Sequence[Json]) -> Response:
        size = min(int(request.query.get("limit", 100)), 100)
        start = int(request.query.get("offset", 0))
        if self.repeats(ago=1):
            start = max(0, start - self.size(size))
        page, following = self.page([] if self.stops() else records, start, size)
        headers = {"X-Total-Count": str(len(records))} if self.counts else {}
        if following is not None:
            query = dict(request.query) | {"limit": size, "offset": following}
            headers["Link"] = link(f"{self.url}{request.path}", query, "next")
        return Response(200, {what: list(page)}, headers)

    def _user(self, person: Person) -> Json:
        record: Json = {
            "sourcedId": person.key,
            "status": "active",
            "dateLastModified": f"{person.start}T08:00:00.000Z",
            "username": person.email,
            "userIds": [],
            "enabledUser": "true" if person.active else "false",
            "givenName": person.given_name,
            "familyName": person.family_name,
            "role": "student",
            "identifier": person.key,
            "email": person.email,
            "orgs": [{"href": f"{self.url}{BASE}/orgs/1", "sourcedId": "1", "type": "org"}],
            "agents": [],
            "grades": ["09"],
        }
        return self.visible(record, "email", "username")


def _error(status: int, minor: str, text: str) -> Response:
    minor_field = {"imsx_codeMinorFieldName": "sourcedId", "imsx_codeMinorFieldValue": minor}
    body = {
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_description": text,
        "imsx_CodeMinor": {"imsx_codeMinorField": [minor_field]},
    }
    return Response(status, body)
