"""Personio API v2: persons and their employments (developer.personio.de, persons-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import Handler, Json, Request, Response, Vendor, with_query
from tests.sources_company import Person


class Personio(Vendor):
    """Persons in pages of 50 at most, and one further call for the employments of each.

    An attribute that the credential may not read is absent.
    """

    name: ClassVar[str] = "personio"
    token_path: ClassVar[str | None] = "/v2/auth/token"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/v2/persons", self._persons),
            ("GET", "/v2/persons/([^/]+)/employments", self._employments),
        ]

    def unauthorized(self) -> Response:
        return _problem(401, "Unauthorized")

    def limited(self) -> Response:
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-replenish-rate": "30"}
        return Response(429, _problem(429, "Too Many Requests").body, headers)

    def _persons(self, request: Request) -> Response:
        records = [self._person(person) for person in self.people()]
        return self._list(request, records, 10, 50)

    def _employments(self, request: Request, key: str) -> Response:
        person = self.by_key.get(key)
        if person is None:
            return _problem(404, "Not Found")
        return self._list(request, [self._employment(person)], 10, 50)

    def _list(
        self, request: Request, records: Sequence[Json], default: int, largest: int
    ) -> Response:
        size = int(request.query.get("limit", default))
        if not 1 <= size <= largest:
            self.broken.append(f"limit of {size}, at most {largest}")
            return _problem(400, f"limit must be between 1 and {largest}")
        start = int(request.query.get("cursor", "0"))
        page, following = self.page(records, start, size)
        links: Json = {"self": {"href": with_query(f"{self.url}{request.path}", request.query)}}
        if following is not None:
            query = dict(request.query) | {"cursor": str(following)}
            links["next"] = {"href": with_query(f"{self.url}{request.path}", query)}
        return Response(200, {"_data": list(page), "_meta": {"links": links}})

    def _person(self, person: Person) -> Json:
        record: Json = {
            "id": person.key,
            "email": person.email,
            "created_at": f"{person.start}T08:00:00Z",
            "updated_at": f"{person.start}T08:00:00Z",
            "first_name": person.given_name,
            "last_name": person.family_name,
            "preferred_name": "",
            "status": "ACTIVE" if person.active else "INACTIVE",
            "custom_attributes": [],
            "employments": [{"id": f"employment-{person.key}"}],
        }
        return self.visible(record, "email", "first_name", "last_name", "status")

    def _employment(self, person: Person) -> Json:
        record: Json = {
            "id": f"employment-{person.key}",
            "person": {"id": person.key},
            "status": "ACTIVE" if person.active else "INACTIVE",
            "employment_start_date": str(person.start),
            "type": "INTERNAL",
            "position": {"title": person.title},
            "org_units": [{"type": "department", "id": person.department}],
        }
        if person.manager is not None:
            record["supervisor"] = {"id": person.manager}
        if person.end is not None:
            record["employment_end_date"] = str(person.end)
            record["termination"] = {
                "termination_date": str(person.end),
                "last_working_date": str(person.end),
                "terminated_at": None,
                "type": "QUIT",
            }
        return self.visible(record, "position", "org_units", "supervisor")


def _problem(status: int, title: str) -> Response:
    return Response(status, {"type": "about:blank", "title": title, "status": status})
