"""HiBob, Search for employees (apidocs.hibob.com, people-read-api-contract, 2026-06-17)."""

from __future__ import annotations

import time
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
    basic_credentials,
)
from tests.sources_company import Person


class HiBob(Vendor):
    """All employees in one response: inactive ones if asked for, and the fields that are named.

    A field without permission or with an unknown name is left out silently.
    """

    name: ClassVar[str] = "hibob"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [("POST", "/v1/people/search", self._search)]

    def authorized(self, request: Request) -> bool:
        return basic_credentials(request) == (USER, PASSWORD)

    def unauthorized(self) -> Response:
        return Response(401, {"error": "Unauthorized"})

    def limited(self) -> Response:
        headers = {
            "X-RateLimit-Limit": "50",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(time.time())),
        }
        return Response(429, {"error": "Too many requests"}, headers)

    def _search(self, request: Request) -> Response:
        if self.stops():
            return Response(200, {})
        fields = request.body.get("fields", [])
        people = [
            person
            for person in self.people()
            if person.active or request.body.get("showInactive") is True
        ]
        return Response(200, {"employees": [self._employee(one, fields) for one in people]})

    def _employee(self, person: Person, fields: Sequence[str]) -> Json:
        manager = self.by_key.get(person.manager or "")
        complete: Json = {
            "root.id": person.key,
            "root.email": person.email,
            "root.firstName": person.given_name,
            "root.surname": person.family_name,
            "root.displayName": person.display_name,
            "work.employeeIdInCompany": person.key,
            "work.title": person.title,
            "work.department": person.department,
            "work.startDate": str(person.start),
            "internal.status": "Active" if person.active else "Inactive",
            "internal.lifecycleStatus": "employed" if person.active else "terminated",
        }
        if manager is not None:
            complete["work.reportsTo"] = {
                "id": manager.key,
                "email": manager.email,
                "displayName": manager.display_name,
            }
        if person.end is not None:
            complete["internal.terminationDate"] = str(person.end)
        complete = self.visible(complete, "work.department", "work.title", "work.reportsTo")
        record: Json = {}
        for name in fields:
            if name in complete:
                category, _, leaf = name.partition(".")
                place = record if category == "root" else record.setdefault(category, {})
                place[leaf] = complete[name]
        return record
