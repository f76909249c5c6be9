"""Slack Web API: users.list, usergroups.list (docs.slack.dev/reference/methods/users.list)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tests.servers.vendors.server import KEY, Handler, Json, Request, Response, Vendor
from tests.sources_company import Person


class Slack(Vendor):
    """Users by cursor, which is empty at the end, and user groups. Errors come with status 200.

    The list has bots and deactivated users. E-mail addresses need the scope users:read.email.
    """

    name: ClassVar[str] = "slack"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/users.list", self._users),
            ("GET", "/api/usergroups.list", self._groups),
        ]

    def authorized(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def unauthorized(self) -> Response:
        return Response(200, {"ok": False, "error": "invalid_auth"})

    def limited(self) -> Response:
        return Response(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "0"})

    def _users(self, request: Request) -> Response:
        if "limit" not in request.query:
            self.broken.append("no limit")
            return Response(200, {"ok": False, "error": "limit_required"})
        size = min(int(request.query["limit"]), 1_000)
        records = [self._bot(), *(self._user(person) for person in self.people())]
        start = int(request.query.get("cursor") or "0")
        page, following = self.page(records, start, size)
        cursor = "" if following is None else str(following)
        body: Json = {"ok": True, "members": list(page), "cache_ts": 1_772_438_400}
        return Response(200, body | {"response_metadata": {"next_cursor": cursor}})

    def _groups(self, request: Request) -> Response:
        groups = []
        for group in self.groups():
            record: Json = {
                "id": group.key,
                "team_id": "T1",
                "is_usergroup": True,
                "name": group.name,
                "handle": group.key.lower(),
                "date_delete": 0,
                "user_count": len(group.members),
            }
            if request.query.get("include_users") == "true":
                record["users"] = list(group.members)
            groups.append(record)
        return Response(200, {"ok": True, "usergroups": groups})

    def _user(self, person: Person) -> Json:
        profile = {
            "title": person.title,
            "real_name": person.display_name,
            "display_name": person.login,
            "first_name": person.given_name,
            "last_name": person.family_name,
            "email": person.email,
        }
        return {
            "id": person.key,
            "team_id": "T1",
            "name": person.login,
            "deleted": not person.active,
            "is_bot": False,
            "is_app_user": False,
            "is_restricted": False,
            "profile": self.visible(profile, "email"),
            "updated": 1_772_438_400,
        }

    def _bot(self) -> Json:
        profile = {"real_name": "Slackbot", "display_name": "Slackbot"}
        return {"id": "USLACKBOT", "team_id": "T1", "name": "slackbot", "deleted": False,
                "is_bot": False, "profile": profile}  # fmt: skip
