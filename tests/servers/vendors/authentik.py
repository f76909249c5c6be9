"""authentik API v3 (authentik/api/pagination.py, authentik/core/api/users.py and groups.py)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor
from tests.sources_company import Person


class Authentik(Vendor):
    """Users and groups by page number. `pagination.next` is the next page, and 0 at the end."""

    name: ClassVar[str] = "authentik"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/v3/core/users/", self._users),
            ("GET", "/api/v3/core/groups/", self._groups),
        ]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def unauthorized(self) -> Response:
        return Response(403, {"detail": "Token invalid/expired"})

    def _users(self, request: Request) -> Response:
        return self._list(request, [self._user(person) for person in self.people()])

    def _groups(self, request: Request) -> Response:
        groups: list[Json] = []
        for group in self.groups():
            record: Json = {
                "pk": group.key,
                "num_pk": group.number,
                "name": group.name,
                "is_superuser": False,
                "users": [self.by_key[key].number for key in group.members],
                "attributes": {},
                "users_obj": None,
            }
            if request.query.get("include_users") == "true":
                people = [self.by_key[key] for key in group.members]
                record["users_obj"] = [
                    {"pk": one.number, "username": one.email, "attributes": self._attributes(one)}
                    for one in people
                ]
            groups.append(record)
        return self._list(request, groups)

    def _list(self, request: Request, records: Sequence[Json]) -> Response:
        size = self.size(min(int(request.query.get("page_size", 20)), 100))
        number = int(request.query.get("page", 1))
        pages = max(1, ceil(len(records) / size))
        if number > pages:
            return Response(404, {"detail": "Invalid page."})
        page, following = self.page(records, (number - 1) * size, size)
        pagination = {
            "next": 0 if following is None else following // size + 1,
            "previous": number - 1,
            "count": len(records),
            "current": number,
            "total_pages": pages,
            "start_index": (number - 1) * size + 1,
            "end_index": (number - 1) * size + len(page),
        }
        return Response(200, {"pagination": pagination, "results": list(page)})

    def _user(self, person: Person) -> Json:
        record: Json = {
            "pk": person.number,
            "username": person.email,
            "name": person.display_name,
            "is_active": person.active,
            "last_login": None,
            "is_superuser": False,
            "groups": [],
            "email": person.email,
            "attributes": self._attributes(person),
            "uid": f"{person.number:064x}",
            "path": "users",
            "type": "internal",
            "uuid": f"00000000-0000-4000-8000-{person.key:0>12}",
        }
        return self.visible(record, "attributes")

    def _attributes(self, person: Person) -> Json:
        return {
            "givenName": person.given_name,
            "sn": person.family_name,
            "department": person.department,
            "title": person.title,
            "employeeNumber": person.key,
            **({"manager": str(int(person.manager))} if person.manager else {}),
        }
