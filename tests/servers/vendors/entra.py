"""Microsoft Graph v1.0 (user-list.md, group-list-transitivemembers.md, paging.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.entra_delta import DeltaOfUsers
from tests.servers.vendors.entra_delta import error as _error
from tests.servers.vendors.server import Handler, Json, Request, Response, Vendor, with_query
from tests.sources_company import Company, Person

DEFAULTS = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
    "officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id",
)  # fmt: skip
"""The fields that an answer has without `$select`."""


class Entra(Vendor):
    """Users with their managers, and groups with their transitive members.

    A user whom `$select` does not ask about has the default fields only. An expanded manager whose
    fields are selected, and a cast of members, need `ConsistencyLevel: eventual` on each page.
    """

    name: ClassVar[str] = "entra"
    token_path: ClassVar[str | None] = "/tenant/oauth2/v2.0/token"

    def __init__(self, company: Company) -> None:
        super().__init__(company)
        self.delta = DeltaOfUsers(company, self._user, lambda: self.size(999))

    def change_to(self, company: Company) -> None:
        """Replace all people; delta queries then bring what differs."""
        self.company = company
        self.by_key = company.by_key()
        self.delta.change_to(company)

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/v1.0/users", self._users),
            ("GET", "/v1.0/users/delta", self._delta),
            ("GET", "/v1.0/groups", self._groups),
            (
                "GET",
                "/v1.0/groups/([^/]+)/transitiveMembers/microsoft.graph.user",
                self._members,
            ),
        ]

    def unauthorized(self) -> Response:
        return _error(401, "InvalidAuthenticationToken", "Lifetime validation failed.")

    def limited(self) -> Response:
        return _error(429, "TooManyRequests", "Too many requests", {"Retry-After": "0"})

    def _users(self, request: Request) -> Response:
        select = request.query.get("$select")
        fields = select.split(",") if select else DEFAULTS
        expand = request.query.get("$expand", "")
        if "$select" in expand and not self._eventual(request):
            return self.breaks("an expanded manager without ConsistencyLevel", 400)
        records = []
        for person in self.people():
            user = self._user(person)
            record = {name: user[name] for name in fields if name in user}
            if expand.startswith("manager") and person.manager is not None:
                record["manager"] = {
                    "@odata.type": "#microsoft.graph.user",
                    "id": person.manager,
                }
            records.append(self.visible(record, "manager"))
        return self._list(request, records)

    def _delta(self, request: Request) -> Response:
        self.delta.url = self.url
        return self.delta.answer(request)

    def _groups(self, request: Request) -> Response:
        records = [
            {
                "id": group.key,
                "displayName": group.name,
                "mailNickname": group.key.lower(),
                "securityEnabled": True,
                "groupTypes": [],
            }
            for group in self.groups()
        ]
        return self._list(request, records)

    def _members(self, request: Request, key: str) -> Response:
        if not self._eventual(request):
            return self.breaks("a cast of members without ConsistencyLevel", 400)
        people = self.members(key)
        if people is None:
            return _error(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist")
        return self._list(request, [{"id": person.key} for person in people])

    def _eventual(self, request: Request) -> bool:
        return (
            request.headers.get("consistencylevel") == "eventual"
            and request.query.get("$count") == "true"
        )

    def _list(self, request: Request, records: Sequence[Json]) -> Response:
        size = int(request.query.get("$top", 100))
        if not 1 <= size <= 999:
            return self.breaks(f"$top of {size}, at most 999", 400)
        start = int(request.query.get("$skiptoken", "0"))
        page, following = self.page(records, start, size)
        body: Json = {"@odata.context": f"{self.url}/v1.0/$metadata#collection"}
        if request.query.get("$count") == "true" and start == 0:
            body["@odata.count"] = len(records)
        if following is not None:
            query = dict(request.query) | {"$skiptoken": str(following)}
            body["@odata.nextLink"] = with_query(f"{self.url}{request.path}", query)
        return Response(200, body | {"value": list(page)})

    def _user(self, person: Person) -> Json:
        hidden = self.faults.hide == "fields"
        return {
            "id": person.key,
            "userPrincipalName": person.email,
            "mail": person.email,
            "displayName": person.display_name,
            "givenName": person.given_name,
            "surname": person.family_name,
            "jobTitle": None if hidden else person.title,
            "accountEnabled": person.active,
            "employeeId": None if hidden else person.key,
            "department": None if hidden else person.department,
            "employeeHireDate": None if hidden else f"{person.start}T00:00:00Z",
            "userType": "Member",
            "businessPhones": [],
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": None,
        }
