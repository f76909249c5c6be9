"""The users and groups of an Okta organization on loopback, as its API documentation has them.

The plain list leaves out DEPROVISIONED users; `filter` brings them. Pages are named by an opaque
cursor in the header Link, and limits by X-Rate-Limit-Reset (okta-management-openapi-spec 2026.06.3
and developer.okta.com/docs/reference/rate-limits, read on 2026-11-29).
"""

from __future__ import annotations

from tests.servers.faulty_http import FaultyHttpServer, Json, Reply, Seen


class OktaApi(FaultyHttpServer):
    """Users by status, and groups with the ids of their members, for an SSWS token."""

    def __init__(self, users: list[Json], groups: list[Json], members: dict[str, list[str]]):
        super().__init__()
        self.users = users
        self.groups = groups
        self.members = members
        self.page = 200

    def answer(self, seen: Seen) -> Reply:
        if seen.headers.get("authorization") != "SSWS sesame":
            return Reply(401, {"errorCode": "E0000011", "errorSummary": "Invalid token provided"})
        match seen.path.strip("/").split("/"):
            case ["api", "v1", "users"]:
                wanted = seen.query.get("filter") == 'status eq "DEPROVISIONED"'
                rows = [one for one in self.users if (one["status"] == "DEPROVISIONED") == wanted]
                return self._page(seen, rows)
            case ["api", "v1", "groups"]:
                return self._page(seen, self.groups)
            case ["api", "v1", "groups", group, "users"] if group in self.members:
                ids = self.members[group]
                return self._page(seen, [one for one in self.users if one["id"] in ids])
        return Reply(404, {"errorCode": "E0000007", "errorSummary": "Not found"})

    def _page(self, seen: Seen, rows: list[Json]) -> Reply:
        size = min(int(seen.query.get("limit", "200")), self.page)
        start = int(seen.query.get("after", "c0")[1:])
        links = [f'<{self.url}{seen.path}?limit={size}>; rel="self"']
        if start + size < len(rows):
            kept = "".join(
                f"{name}={value}&" for name, value in seen.query.items() if name == "limit"
            )
            if "filter" in seen.query:
                kept += "filter=status%20eq%20%22DEPROVISIONED%22&"
            links.append(f'<{self.url}{seen.path}?{kept}after=c{start + size}>; rel="next"')
        return Reply(200, rows[start : start + size], {"Link": ", ".join(links)})
