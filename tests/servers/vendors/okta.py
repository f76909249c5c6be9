"""Okta management API (okta-management-openapi-spec 2026.06.3; rate limits, rl2-client-based)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor, link
from tests.sources_company import Person


class Okta(Vendor):
    """Users and groups. The plain list of users leaves DEPROVISIONED users out; a filter finds
    them, and `search` finds all. Pages follow each other by the Link header."""

    name: ClassVar[str] = "okta"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/v1/users", self._users),
            ("GET", "/api/v1/groups", self._groups),
            ("GET", "/api/v1/groups/([^/]+)/users", self._members),
        ]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"SSWS {KEY}"

    def unauthorized(self) -> Response:
        return _error(401, "E0000011", "Invalid token provided")

    def limited(self) -> Response:
        reset = str(int(time.time()))
        headers = {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0"}
        response = _error(429, "E0000047", "API call exceeded rate limit")
        return Response(429, response.body, headers | {"X-Rate-Limit-Reset": reset})

    def _users(self, request: Request) -> Response:
        people = self.people()
        if request.query.get("filter") == 'status eq "DEPROVISIONED"':
            people = [person for person in people if not person.active]
        elif "search" not in request.query:
            people = [person for person in people if person.active]
        return self._list(request, [self._user(person) for person in people], 200, 200)

    def _groups(self, request: Request) -> Response:
        groups = [
            {
                "id": group.key,
                "type": "OKTA_GROUP",
                "objectClass": ["okta:user_group"],
                "profile": {"name": group.name, "description": None},
            }
            for group in self.groups()
        ]
        return self._list(request, groups, 10_000, 10_000)

    def _members(self, request: Request, key: str) -> Response:
        people = self.members(key)
        if people is None:
            return _error(404, "E0000007", f"Not found: Resource not found: {key} (UserGroup)")
        return self._list(request, [self._user(person) for person in people], 1_000, 1_000)

    def _list(
        self, request: Request, records: Sequence[Json], default: int, largest: int
    ) -> Response:
        size = min(int(request.query.get("limit", default)), largest)
        start = int(request.query.get("after", "0"))
        page, following = self.page(records, start, size)
        address = f"{self.url}{request.path}"
        links = [link(address, request.query, "self")]
        if following is not None:
            links.append(link(address, dict(request.query) | {"after": following}, "next"))
        return Response(200, list(page), {"Link": ", ".join(links)})

    def _user(self, person: Person) -> Json:
        profile = {
            "login": person.email,
            "email": person.email,
            "firstName": person.given_name,
            "lastName": person.family_name,
            "displayName": person.display_name,
            "employeeNumber": person.key,
            "department": person.department,
            "title": person.title,
            "managerId": person.manager,
        }
        return {
            "id": person.key,
            "status": "ACTIVE" if person.active else "DEPROVISIONED",
            "created": f"{person.start}T08:00:00.000Z",
            "statusChanged": f"{person.end or person.start}T08:00:00.000Z",
            "type": {"id": "oty1"},
            "profile": self.visible(profile, "department", "title", "managerId", "employeeNumber"),
        }


def _error(status: int, code: str, summary: str) -> Response:
    return Response(status, {"errorCode": code, "errorSummary": summary, "errorCauses": []})
