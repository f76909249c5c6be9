"""Zitadel API v2 (proto/zitadel/user/v2/query.proto, proto/zitadel/object/v2/object.proto)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor
from tests.sources_company import Person


class Zitadel(Vendor):
    """Users by offset in the body of a POST. Numbers of 64 bits are text, as in protobuf's JSON."""

    name: ClassVar[str] = "zitadel"
    largest: ClassVar[int] = 1_000

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [("POST", "/v2/users", self._users)]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def unauthorized(self) -> Response:
        return Response(401, {"code": 16, "message": "Errors.Token.Invalid", "details": []})

    def _users(self, request: Request) -> Response:
        query = request.body["query"]
        size = int(query.get("limit", 100))
        if size > self.largest:
            return self.breaks(f"limit of {size}, at most {self.largest}", 400)
        size, start = self.size(size), int(query.get("offset", 0))
        records = [self._user(person) for person in self.people()]
        if not query.get("asc"):
            records.reverse()
        if self.repeats(ago=1):
            start = max(0, start - size)
        page = [] if self.stops() else records[start : start + size]
        details = {"totalResult": str(len(records)), "timestamp": "2026-03-02T07:59:59.000Z"}
        body: Json = {"details": details, "sortingColumn": request.body.get("sortingColumn")}
        return Response(200, body | ({"result": page} if page else {}))

    def _user(self, person: Person) -> Json:
        human = {
            "profile": {
                "givenName": person.given_name,
                "familyName": person.family_name,
                "displayName": person.display_name,
                "preferredLanguage": "en",
            },
            "email": {"email": person.email, "isVerified": True},
            "phone": {},
        }
        return {
            "userId": person.key,
            "details": {
                "sequence": "1",
                "resourceOwner": "1",
                "changeDate": "2026-01-01T00:00:00Z",
            },
            "state": "USER_STATE_ACTIVE" if person.active else "USER_STATE_INACTIVE",
            "username": person.email,
            "loginNames": [person.email],
            "preferredLoginName": person.email,
            "human": self.visible(human, "email"),
        }
