"""BambooHR, List Employees (documentation.bamboohr.com/reference/list-employees, 2026-04-20)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import (
    KEY,
    Handler,
    Json,
    Request,
    Response,
    Vendor,
    basic_credentials,
    with_query,
)
from tests.sources_company import Person

DEFAULTS = ("employeeId", "firstName", "lastName", "preferredName", "jobTitleName", "status")


class BambooHr(Vendor):
    """Employees by cursor. A field is there if it is asked for; one that the key may not read is
    null, and its name is in `_restrictedFields`. Leavers stay, with the status Inactive."""

    name: ClassVar[str] = "bamboohr"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [("GET", "/api/v1/employees", self._employees)]

    def authorized(self, request: Request) -> bool:
        credentials = basic_credentials(request)
        return credentials is not None and credentials[0] == KEY

    def unauthorized(self) -> Response:
        return Response(401, {"title": "Unauthorized", "status": 401})

    def limited(self) -> Response:
        return Response(503, {"title": "Service Unavailable"}, {"Retry-After": "0"})

    def _employees(self, request: Request) -> Response:
        size = int(request.query.get("page[limit]", 50))
        if size > 100:
            return self.breaks(f"page[limit] of {size}, at most 100", 400)
        fields = [*DEFAULTS, *filter(None, request.query.get("fields", "").split(","))]
        start = int(request.query.get("page[after]") or "c0", 16) - 0xC0
        records = [self._employee(person, fields) for person in self.people()]
        page, following = self.page(records, start, size)
        cursor = None if following is None else f"{following + 0xC0:x}"
        links: Json = {"self": {"href": with_query(f"{self.url}{request.path}", request.query)}}
        if cursor is not None:
            query = dict(request.query) | {"page[after]": cursor}
            links["next"] = {"href": with_query(f"{self.url}{request.path}", query)}
        meta = {"total": len(records), "page": {"limit": size, "nextCursor": cursor}}
        return Response(200, {"data": list(page), "meta": meta, "_links": links})

    def _employee(self, person: Person, fields: Sequence[str]) -> Json:
        complete: Json = {
            "employeeId": person.key,
            "employeeNumber": person.key,
            "firstName": person.given_name,
            "lastName": person.family_name,
            "preferredName": None,
            "jobTitleName": person.title,
            "status": "Active" if person.active else "Inactive",
            "workEmail": person.email,
            "department": person.department,
            "reportsTo": person.manager,
            "hireDate": str(person.start),
            "terminationDate": str(person.end) if person.end else None,
        }
        restricted = ["workEmail", "department"] if self.faults.hide == "fields" else []
        record = {name: complete[name] for name in dict.fromkeys(fields) if name in complete}
        record |= {name: None for name in restricted if name in record}
        return record | {"_restrictedFields": [name for name in restricted if name in record]}
