"""Google Workspace Directory API (discovery document admin directory_v1, revision 2026-01-13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import Handler, Json, Request, Response, Vendor
from tests.sources_company import Person

BASE = "/admin/directory/v1"


class Google(Vendor):
    """Users, groups and members. Users who were deleted are listed only with `showDeleted`.

    A page token names the number of the first item. Requests need a token for a signed JWT that
    names an administrator as its subject.
    """

    name: ClassVar[str] = "google-workspace"
    token_path: ClassVar[str | None] = "/token"
    admin: ClassVar[str] = "admin@example.com"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", f"{BASE}/users", self._users),
            ("GET", f"{BASE}/groups", self._groups),
            ("GET", f"{BASE}/groups/([^/]+)/members", self._members),
        ]

    def authorized(self, request: Request) -> bool:
        assert self.oauth is not None
        claims = getattr(self.oauth, "claims", {})
        return super().authorized(request) and claims.get("sub") == self.admin

    def unauthorized(self) -> Response:
        return _error(401, "authError", "Invalid Credentials")

    def limited(self) -> Response:
        return _error(403, "userRateLimitExceeded", "User Rate Limit Exceeded")

    def _users(self, request: Request) -> Response:
        if not {"customer", "domain"} & set(request.query):
            return self.breaks("neither customer nor domain", 400)
        people = [] if request.query.get("showDeleted") == "true" else self.people()
        return self._list(request, "users", [self._user(one) for one in people], 100, 500)

    def _groups(self, request: Request) -> Response:
        if not {"customer", "domain"} & set(request.query):
            return self.breaks("neither customer nor domain", 400)
        groups = [
            {
                "kind": "admin#directory#group",
                "id": group.key,
                "email": f"{group.key.lower()}@example.com",
                "name": group.name,
                "directMembersCount": str(len(group.members)),
            }
            for group in self.groups()
        ]
        return self._list(request, "groups", groups, 200, 200)

    def _members(self, request: Request, key: str) -> Response:
        people = self.members(key)
        if people is None:
            return _error(404, "notFound", f"Resource Not Found: {key}")
        members = [
            {
                "kind": "admin#directory#member",
                "id": person.key,
                "email": person.email,
                "role": "MEMBER",
                "type": "USER",
                "status": "ACTIVE",
            }
            for person in people
        ]
        if members:
            external = {"kind": "admin#directory#member", "email": "guest@example.org"}
            members.insert(1, external | {"role": "MEMBER", "type": "EXTERNAL"})
        return self._list(request, "members", members, 200, 200)

    def _list(
        self, request: Request, what: str, items: Sequence[Json], default: int, largest: int
    ) -> Response:
        size = int(request.query.get("maxResults", default))
        if not 1 <= size <= largest:
            return self.breaks(f"maxResults of {size}, at most {largest}", 400)
        start = int(request.query.get("pageToken", "0").removeprefix("token"))
        page, following = self.page(items, start, size)
        body: Json = {"kind": f"admin#directory#{what}", "etag": '"made-up"'}
        if page:
            body[what] = list(page)
        if following is not None:
            body["nextPageToken"] = f"token{following}"
        return Response(200, body)

    def _user(self, person: Person) -> Json:
        record: Json = {
            "kind": "admin#directory#user",
            "id": person.key,
            "primaryEmail": person.email,
            "name": {
                "givenName": person.given_name,
                "familyName": person.family_name,
                "fullName": person.display_name,
            },
            "isAdmin": False,
            "suspended": not person.active,
            "archived": False,
            "orgUnitPath": f"/{person.department}",
            "creationTime": f"{person.start}T08:00:00.000Z",
            "organizations": [
                {
                    "title": person.title,
                    "primary": True,
                    "department": person.department,
                    "customType": "",
                }
            ],
            "externalIds": [{"value": person.key, "type": "organization"}],
        }
        if not person.active:
            record["suspensionReason"] = "ADMIN"
        if person.manager is not None:
            email = self.by_key[person.manager].email
            record["relations"] = [{"value": email, "type": "manager"}]
        return self.visible(record, "organizations", "relations", "externalIds")


def _error(status: int, reason: str, message: str) -> Response:
    detail = {"domain": "usageLimits", "reason": reason, "message": message}
    return Response(status, {"error": {"code": status, "message": message, "errors": [detail]}})
