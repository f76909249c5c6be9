"""Workday, a custom report as a web service (docs.workato.com/connectors/workday/workday_raas)."""

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
    basic_credentials,
)
from tests.sources_company import Person


class Workday(Vendor):
    """One report in one response. Its author decides on the columns and on who is in it."""

    name: ClassVar[str] = "workday"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [("GET", "/ccx/service/customreport2/office/hr_integration/Workers", self._report)]

    def authorized(self, request: Request) -> bool:
        return basic_credentials(request) == (f"{USER}@office", PASSWORD)

    def unauthorized(self) -> Response:
        return Response(401, {"error": "invalid username or password"})

    def _report(self, request: Request) -> Response:
        if request.query.get("format") != "json":
            return self.breaks("a report in another format than JSON", 200, b"<wd:Report_Data/>")
        if self.stops():
            return Response(200, {})
        return Response(200, {"Report_Entry": [self._worker(person) for person in self.people()]})

    def _worker(self, person: Person) -> Json:
        record: Json = {
            "Employee_ID": person.key,
            "User_Name": person.email,
            "First_Name": person.given_name,
            "Last_Name": person.family_name,
            "Primary_Work_Email": person.email,
            "Supervisory_Organization": person.department,
            "Business_Title": person.title,
            "Active_Status": "1" if person.active else "0",
            "Hire_Date": str(person.start),
        }
        if person.manager is not None:
            record["Manager_Employee_ID"] = person.manager
        if person.end is not None:
            record["Termination_Date"] = str(person.end)
        return self.visible(record, "Primary_Work_Email", "Supervisory_Organization")
