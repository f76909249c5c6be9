"""LLDAP's GraphQL API (schema.graphql and docs/scripting.md, 2026-08-10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import (
    PASSWORD,
    USER,
    Handler,
    Json,
    Request,
    Response,
    Vendor,
    public,
)
from tests.sources_company import Person


class Lldap(Vendor):
    """Users and groups in one response each. A user without rights sees only itself.

    Errors come with status 200. The token comes from a login and lives for a day.
    """

    name: ClassVar[str] = "lldap"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        self._tokens: list[str] = []
        self._issued = 0
        return [
            ("POST", "/auth/simple/login", self._login),
            ("POST", "/api/graphql", self._query),
        ]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self._tokens

    def unauthorized(self) -> Response:
        return Response(401, b"Unauthorized")

    def expire(self) -> None:
        self._tokens.clear()

    @public
    def _login(self, request: Request) -> Response:
        if request.body != {"username": USER, "password": PASSWORD}:
            return Response(401, b"Authentication error: Invalid credentials")
        self._issued += 1
        self._tokens.append(f"lldap-token-{self._issued}")
        return Response(200, {"token": self._tokens[-1], "refreshToken": "never-used"})

    def _query(self, request: Request) -> Response:
        text = " ".join(request.body["query"].split())
        if self.stops():
            error = {"message": "Database error", "locations": [], "path": ["users"]}
            return Response(200, {"data": None, "errors": [error]})
        data: Json = {}
        if "users {" in text.split("groups {", 1)[0]:
            data["users"] = [self._user(person) for person in self.people()]
        elif "groups {" in text:
            by_key = self.by_key
            data["groups"] = [
                {
                    "id": group.number,
                    "displayName": group.name,
                    "uuid": group.key,
                    "users": [{"id": by_key[key].login} for key in group.members],
                }
                for group in self.groups()
            ]
        return Response(200, {"data": data})

    def _user(self, person: Person) -> Json:
        attributes = [
            {"name": "first_name", "value": [person.given_name]},
            {"name": "last_name", "value": [person.family_name]},
            {"name": "department", "value": [person.department]},
            {"name": "title", "value": [person.title]},
            {"name": "employeenumber", "value": [person.key]},
        ]
        if person.manager is not None:
            manager = self.by_key[person.manager].login
            attributes.append({"name": "manager", "value": [manager]})
        record: Json = {
            "id": person.login,
            "uuid": f"00000000-0000-3000-8000-{person.key:0>12}",
            "email": person.email,
            "displayName": person.display_name,
            "firstName": person.given_name,
            "lastName": person.family_name,
            "creationDate": f"{person.start}T08:00:00+00:00",
            "attributes": [] if self.faults.hide == "fields" else attributes,
        }
        return record

    def people(self) -> Sequence[Person]:
        return [person for person in super().people() if person.active]
