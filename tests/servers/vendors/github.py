"""GitHub REST API 2022-11-28, an organization (GitHub's OpenAPI file 1.1.4; rate limits page)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor, link
from tests.sources_company import Person

VERSION = "2022-11-28"


class GitHub(Vendor):
    """Members and teams. Whoever is no member sees public members only, with status 200.

    A limit is status 403 with no requests remaining.
    """

    name: ClassVar[str] = "github"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/orgs/office/members", self._members_of_organization),
            ("GET", "/orgs/office/teams", self._teams),
            ("GET", "/orgs/office/teams/([^/]+)/members", self._members_of_team),
        ]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def unauthorized(self) -> Response:
        return Response(401, {"message": "Bad credentials", "status": "401"})

    def limited(self) -> Response:
        headers = {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(time.time())),
        }
        return Response(403, {"message": "API rate limit exceeded for user ID 1."}, headers)

    def people(self) -> Sequence[Person]:
        return [person for person in super().people() if person.active]

    def _members_of_organization(self, request: Request) -> Response:
        return self._list(request, [self._account(person) for person in self.people()])

    def _teams(self, request: Request) -> Response:
        teams = [
            {
                "id": group.number,
                "slug": group.key.lower(),
                "name": group.name,
                "privacy": "closed",
                "parent": None,
            }
            for group in self.groups()
        ]
        return self._list(request, teams)

    def _members_of_team(self, request: Request, slug: str) -> Response:
        people = self.members(slug.upper())
        if people is None:
            return Response(404, {"message": "Not Found", "status": "404"})
        return self._list(request, [self._account(person) for person in people])

    def _list(self, request: Request, records: Sequence[Json]) -> Response:
        if request.headers.get("x-github-api-version") != VERSION:
            self.broken.append("no version of the API")
        size = self.size(min(int(request.query.get("per_page", 30)), 100))
        number = int(request.query.get("page", 1))
        page, following = self.page(records, (number - 1) * size, size)
        headers = {"x-ratelimit-remaining": "4999"}
        if following is not None:
            query = dict(request.query) | {"page": following // size + 1}
            headers["Link"] = link(f"{self.url}{request.path}", query, "next")
        return Response(200, list(page), headers)

    def _account(self, person: Person) -> Json:
        record = {
            "login": person.login.replace(".", "-"),
            "id": person.number,
            "node_id": f"MDQ6VXNlc{person.number}",
            "type": "User",
            "site_admin": False,
        }
        return self.visible(record, "login")
