"""JumpCloud API v1 and v2 (the vendor's OpenAPI files, as in ConductorOne/baton-jumpcloud)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor
from tests.sources_company import Person


class JumpCloud(Vendor):
    """Users in v1, with their total, and groups with flat memberships in v2, without one."""

    name: ClassVar[str] = "jumpcloud"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/systemusers", self._users),
            ("GET", "/api/v2/usergroups", self._groups),
            ("GET", "/api/v2/usergroups/([^/]+)/membership", self._members),
        ]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("x-api-key") == KEY

    def unauthorized(self) -> Response:
        return Response(401, {"message": "Unauthorized", "error": "Unauthorized: api key invalid"})

    def _users(self, request: Request) -> Response:
        records = [self._user(person) for person in self.people()]
        page = self._window(request, records)
        if isinstance(page, Response):
            return page
        return Response(200, {"results": page, "totalCount": len(records)})

    def _groups(self, request: Request) -> Response:
        groups = [
            {"id": group.key, "name": group.name, "type": "user_group"} for group in self.groups()
        ]
        page = self._window(request, groups)
        return page if isinstance(page, Response) else Response(200, page)

    def _members(self, request: Request, key: str) -> Response:
        people = self.members(key)
        if people is None:
            return Response(404, {"message": "Not Found"})
        members = [{"id": person.key, "type": "user", "paths": []} for person in people]
        page = self._window(request, members)
        return page if isinstance(page, Response) else Response(200, page)

    def _window(self, request: Request, records: Sequence[Json]) -> list[Json] | Response:
        size = int(request.query.get("limit", 10))
        if size > 100:
            return self.breaks(f"limit of {size}, at most 100", 400)
        size, start = self.size(size), int(request.query.get("skip", 0))
        if self.stops():
            return []
        if self.repeats(ago=1):
            start = max(0, start - size)
        return list(records[start : start + size])

    def _user(self, person: Person) -> Json:
        record: Json = {
            "_id": person.key,
            "username": person.login,
            "email": person.email,
            "firstname": person.given_name,
            "lastname": person.family_name,
            "displayname": person.display_name,
            "state": "ACTIVATED" if person.active else "SUSPENDED",
            "activated": True,
            "suspended": not person.active,
            "account_locked": False,
            "employeeIdentifier": person.key,
            "department": person.department,
            "jobTitle": person.title,
            "manager": person.manager,
            "created": f"{person.start}T08:00:00.000Z",
        }
        return self.visible(record, "department", "jobTitle", "manager", "employeeIdentifier")
