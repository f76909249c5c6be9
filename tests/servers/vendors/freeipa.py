"""FreeIPA's JSON-RPC API (doc/api/user_find.md, ipaserver/plugins/baseldap.py, 2026-08-20)."""

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
    public,
)
from tests.sources_company import Person


class FreeIpa(Vendor):
    """Users and groups in one response each, which may be truncated with status 200.

    Requests need the session's cookie and the server's own address as Referer. Attributes are
    lists.
    """

    name: ClassVar[str] = "freeipa"

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        self._sessions: list[str] = []
        self._issued = 0
        return [
            ("POST", "/ipa/session/login_password", self._login),
            ("POST", "/ipa/session/json", self._call),
        ]

    def authorized(self, request: Request) -> bool:
        cookie = request.headers.get("cookie", "")
        return any(f"ipa_session={session}" in cookie for session in self._sessions)

    def unauthorized(self) -> Response:
        return Response(401, b"<html><body>401 Unauthorized</body></html>")

    def expire(self) -> None:
        self._sessions.clear()

    @public
    def _login(self, request: Request) -> Response:
        if not request.headers.get("referer", "").startswith(f"{self.url}/ipa"):
            return self.breaks("no Referer at the login", 400)
        if request.body != {"user": USER, "password": PASSWORD}:
            return Response(401, b"<html><body>invalid password</body></html>")
        self._issued += 1
        self._sessions.append(f"session-{self._issued}")
        cookie = f"ipa_session={self._sessions[-1]};path=/ipa;httponly;"
        return Response(200, None, {"Set-Cookie": cookie})

    def _call(self, request: Request) -> Response:
        if not request.headers.get("referer", "").startswith(f"{self.url}/ipa"):
            return self.breaks("no Referer", 400)
        method = request.body["method"]
        _names, options = request.body["params"]
        if "version" not in options:
            self.broken.append("no version of the API")
        if method == "user_find":
            preserved = bool(options.get("preserved"))
            people = [] if preserved else self.people()
            found = [self._user(person, complete=bool(options.get("all"))) for person in people]
        elif method == "group_find":
            found = self._groups(members=options.get("no_members") is False)
        else:
            error = {"code": 905, "name": "CommandError", "message": f"unknown command {method}"}
            return Response(200, {"result": None, "error": error, "id": 0})
        truncated = self.stops()
        found = found[: len(found) // 2] if truncated else found
        result = {
            "result": found,
            "count": len(found),
            "truncated": truncated,
            "summary": f"{len(found)} users matched",
        }
        return Response(200, {"result": result, "error": None, "id": 0, "principal": USER})

    def _groups(self, *, members: bool) -> list[Json]:
        by_key = self.by_key
        groups: list[Json] = []
        for group in self.groups():
            record: Json = {
                "cn": [group.name],
                "ipauniqueid": [group.key],
                "dn": f"cn={group.key},cn=groups,cn=accounts,dc=example,dc=com",
            }
            if members and group.members:
                record["member_user"] = [by_key[key].login for key in group.members]
            groups.append(record)
        return groups

    def _user(self, person: Person, *, complete: bool) -> Json:
        record: Json = {
            "uid": [person.login],
            "givenname": [person.given_name],
            "sn": [person.family_name],
            "mail": [person.email],
            "nsaccountlock": not person.active,
            "dn": f"uid={person.login},cn=users,cn=accounts,dc=example,dc=com",
        }
        if complete:
            record |= {
                "ipauniqueid": [person.key],
                "displayname": [person.display_name],
                "employeenumber": [person.key],
                "departmentnumber": [person.department],
                "title": [person.title],
                "preserved": False,
            }
            if person.manager is not None:
                record["manager"] = [self.by_key[person.manager].login]
        return self.visible(record, "mail", "employeenumber", "departmentnumber", "manager")
