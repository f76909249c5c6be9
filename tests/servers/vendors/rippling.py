"""Rippling REST API, workers (the OpenAPI file in KittyCAD/third-party-api-clients)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor, with_query
from tests.sources_company import Company, Person


class Rippling(Vendor):
    """Workers with what is expanded. Names are the user's. A field without its scope is null, and
    its name is in `__meta.redacted_fields`."""

    name: ClassVar[str] = "rippling"

    def __init__(self, company: Company) -> None:
        super().__init__(company)
        self._teams_of: dict[str, list[str]] = {}
        for group in company.groups:
            for key in group.members:
                self._teams_of.setdefault(key, []).append(group.key)

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/workers/", self._workers),
            ("GET", "/teams/", self._teams),
        ]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def unauthorized(self) -> Response:
        return Response(401, {"error": {"code": 401, "message": "Unauthorized"}})

    def _workers(self, request: Request) -> Response:
        expanded = request.query.get("expand", "").split(",")
        return self._list(request, [self._worker(one, expanded) for one in self.people()])

    def _teams(self, request: Request) -> Response:
        teams = [{"id": group.key, "name": group.name} for group in self.groups()]
        return self._list(request, teams)

    def _list(self, request: Request, records: Sequence[Json]) -> Response:
        size = int(request.query.get("limit", 50))
        if size > 100:
            return self.breaks(f"limit of {size}, at most 100", 400)
        start = int(request.query.get("cursor", "0"))
        page, following = self.page(records, start, size)
        body: Json = {"results": list(page), "next_link": None}
        if following is not None:
            query = dict(request.query) | {"cursor": str(following)}
            body["next_link"] = with_query(f"{self.url}{request.path}", query)
        hidden = self.faults.hide == "fields"
        reason = {"name": "results.user", "reason": "the scope users.read is missing"}
        body["__meta"] = {"redacted_fields": [reason] if hidden else []}
        return Response(200, body)

    def _worker(self, person: Person, expanded: Sequence[str]) -> Json:
        record: Json = {
            "id": person.key,
            "user_id": f"user-{person.key}",
            "work_email": person.email,
            "personal_email": f"private.{person.key}@example.org",
            "status": "ACTIVE" if person.active else "TERMINATED",
            "start_date": str(person.start),
            "end_date": str(person.end) if person.end else None,
            "manager_id": person.manager,
            "department_id": f"dept-{person.department}",
            "teams_id": self._teams_of.get(person.key, []),
            "title": person.title,
            "number": person.number,
        }
        if "user" in expanded:
            user: Json = {
                "id": f"user-{person.key}",
                "active": person.active,
                "username": person.email,
                "name": {
                    "given_name": person.given_name,
                    "family_name": person.family_name,
                    "formatted": person.display_name,
                },
                "emails": [{"value": person.email, "type": "WORK"}],
            }
            record["user"] = None if self.faults.hide == "fields" else user
        if "department" in expanded:
            record["department"] = {"id": record["department_id"], "name": person.department}
        return record
