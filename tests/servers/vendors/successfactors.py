"""SAP SuccessFactors OData v2 (entra-docs, sap-successfactors-integration-reference)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
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
    with_query,
)
from tests.sources_company import Person


class SuccessFactors(Vendor):
    """Persons with what is expanded. `d.__next` is the next page; collections are in `results`."""

    name: ClassVar[str] = "successfactors"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [("GET", "/odata/v2/PerPerson", self._persons)]

    def authorized(self, request: Request) -> bool:
        return basic_credentials(request) == (f"{USER}@office", PASSWORD)

    def unauthorized(self) -> Response:
        message = {"lang": "en-US", "value": "[LGN0004]Authentication failed"}
        return Response(401, {"error": {"code": "LGN0004", "message": message}})

    def _persons(self, request: Request) -> Response:
        if request.query.get("$format") != "json":
            return self.breaks("another format than JSON", 200, b"<feed/>")
        if request.query.get("paging") not in ("snapshot", "cursor"):
            self.broken.append("paging by the client, which loses rows")
        size = int(request.query.get("customPageSize", 1_000))
        if size > 1_000:
            return self.breaks(f"customPageSize of {size}, at most 1000", 400)
        expanded = request.query.get("$expand", "").split(",")
        records = [self._person(person, expanded) for person in self.people()]
        start = int(request.query.get("$skiptoken", "0"))
        page, following = self.page(records, start, size)
        body: Json = {"results": list(page)}
        if following is not None:
            query = dict(request.query) | {"$skiptoken": str(following)}
            body["__next"] = with_query(f"{self.url}{request.path}", query)
        return Response(200, {"d": body})

    def _person(self, person: Person, expanded: Sequence[str]) -> Json:
        job: Json = {
            "startDate": odata_date(person.start),
            "endDate": "/Date(253402214400000)/",
            "department": person.department,
            "jobTitle": person.title,
            "managerId": person.manager or "NO_MANAGER",
            "emplStatus": "1001" if person.active else "1002",
        }
        if "employmentNav/jobInfoNav/emplStatusNav" in expanded:
            job["emplStatusNav"] = {"externalCode": "A" if person.active else "T"}
        employment: Json = {
            "startDate": odata_date(person.start),
            "endDate": odata_date(person.end) if person.end else None,
            "personIdExternal": person.key,
            "userId": person.key,
        }
        if "employmentNav/userNav" in expanded:
            employment["userNav"] = {"userId": person.key, "username": person.email}
        if "employmentNav/jobInfoNav" in expanded and self.faults.hide != "fields":
            employment["jobInfoNav"] = {"results": [job]}
        record: Json = {"personIdExternal": person.key, "userId": person.key}
        if any(name.startswith("employmentNav") for name in expanded):
            record["employmentNav"] = {"results": [employment]}
        if "personalInfoNav" in expanded:
            names = {"firstName": person.given_name, "lastName": person.family_name}
            record["personalInfoNav"] = {"results": [names]}
        if "emailNav" in expanded:
            emails = [
                {"emailAddress": f"private.{person.key}@example.org", "isPrimary": False},
                {"emailAddress": person.email, "isPrimary": True},
            ]
            record["emailNav"] = {"results": emails}
        if "personEmpTerminationInfoNav" in expanded:
            record["personEmpTerminationInfoNav"] = {
                "activeEmploymentsCount": 1 if person.active else 0,
                "latestTerminationDate": odata_date(person.end) if person.end else None,
            }
        return record


def odata_date(day: date) -> str:
    """Return midnight UTC of a day as OData v2 writes it: milliseconds since 1970."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return f"/Date({int(moment.timestamp()) * 1_000})/"
