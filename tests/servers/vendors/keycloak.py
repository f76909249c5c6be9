"""Keycloak's admin API (UsersResource.java, GroupsResource.java, GroupResource.java)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from tests.servers.vendors.server import Handler, Json, Request, Response, Vendor
from tests.sources_company import Person

T = TypeVar("T")
BASE = "/admin/realms/office"


class Keycloak(Vendor):
    """Users and groups of one realm.

    Without the right to see people, they are taken out of a page after it was cut: pages are short
    and the count is not. Attributes are lists, and are left out of a brief representation.
    """

    name: ClassVar[str] = "keycloak"
    token_path: ClassVar[str | None] = "/realms/office/protocol/openid-connect/token"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", f"{BASE}/users", self._users),
            ("GET", f"{BASE}/users/count", self._count),
            ("GET", f"{BASE}/groups", self._groups),
            ("GET", f"{BASE}/groups/count", self._count_groups),
            ("GET", f"{BASE}/groups/([^/]+)/members", self._members),
        ]

    def unauthorized(self) -> Response:
        return Response(401, {"error": "HTTP 401 Unauthorized"})

    def _users(self, request: Request) -> Response:
        brief = request.query.get("briefRepresentation") == "true"
        page = self._window(request, self.company.people, 100)
        seen = {person.key for person in self.people()}
        return Response(200, [self._user(one, brief=brief) for one in page if one.key in seen])

    def _count(self, _request: Request) -> Response:
        return Response(200, len(self.company.people))

    def _count_groups(self, _request: Request) -> Response:
        return Response(200, {"count": len(self.groups())})

    def _groups(self, request: Request) -> Response:
        groups = [
            {"id": group.key, "name": group.name, "path": f"/{group.name}", "subGroups": []}
            for group in self._window(request, self.groups(), None)
        ]
        return Response(200, groups)

    def _members(self, request: Request, key: str) -> Response:
        people = self.members(key)
        if people is None:
            return Response(404, {"error": "Could not find group by id"})
        page = self._window(request, people, 100)
        return Response(200, [self._user(person, brief=True) for person in page])

    def _window(self, request: Request, items: Sequence[T], default: int | None) -> Sequence[T]:
        size = int(request.query.get("max", default or len(items)))
        start = int(request.query.get("first", 0))
        if self.stops():
            return []
        if self.repeats(ago=1):
            start = max(0, start - size)
        return items[start:] if size < 0 else items[start : start + size]

    def _user(self, person: Person, *, brief: bool) -> Json:
        record: Json = {
            "id": person.key,
            "username": person.email,
            "firstName": person.given_name,
            "lastName": person.family_name,
            "email": person.email,
            "emailVerified": True,
            "enabled": person.active,
            "createdTimestamp": 1_420_070_400_000,
            "totp": False,
        }
        if not brief:
            record["attributes"] = {
                "department": [person.department],
                "title": [person.title],
                "employeeNumber": [person.key],
                **({"manager": [person.manager]} if person.manager else {}),
            }
        return self.visible(record, "attributes")
