"""Deel REST API v2, people and groups (the vendor's OpenAPI file, as in api-evangelist/deel)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor
from tests.sources_company import Person


class Deel(Vendor):
    """People by offset, with their total. `person_status` is missing without its permission."""

    name: ClassVar[str] = "deel"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [("GET", "/rest/v2/people", self._people)]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def unauthorized(self) -> Response:
        return Response(401, {"errors": [{"message": "Unauthorized"}]})

    def _people(self, request: Request) -> Response:
        size = int(request.query.get("limit", 50))
        if size > 50:
            return self.breaks(f"limit of {size}, at most 50", 400)
        if "sort_by" not in request.query:
            self.broken.append("pages by offset without an order")
        size, start = self.size(size), int(request.query.get("offset", 0))
        records = [self._person(person) for person in self.people()]
        if self.repeats(ago=1):
            start = max(0, start - size)
        page = [] if self.stops() else records[start : start + size]
        total = {"offset": start, "total_rows": len(records), "items_per_page": size}
        return Response(200, {"data": page, "page": total})

    def _person(self, person: Person) -> Json:
        record: Json = {
            "id": person.key,
            "worker_id": person.number,
            "external_id": person.key,
            "emails": [
                {"type": "primary", "value": f"private.{person.key}@example.org"},
                {"type": "work", "value": person.email},
            ],
            "first_name": person.given_name,
            "last_name": person.family_name,
            "full_name": person.display_name,
            "hiring_type": "hris_direct_employee",
            "hiring_status": "active" if person.active else "inactive",
            "new_hiring_status": "active" if person.active else "inactive",
            "person_status": "ACTIVE" if person.active else "INACTIVE",
            "start_date": f"{person.start}T00:00:00.000Z",
            "completion_date": f"{person.end}T00:00:00.000Z" if person.end else None,
            "job_title": person.title,
            "department": {"id": person.department, "name": person.department, "parent": None},
            "direct_manager": None,
        }
        if person.manager is not None:
            manager = self.by_key[person.manager]
            record["direct_manager"] = {"id": manager.key, "work_email": manager.email}
        return self.visible(record, "person_status")
