"""Delta queries over users of Microsoft Graph.

As concepts/delta-query-overview.md, concepts/delta-query-users.md, and
api-reference/v1.0/api/user-delta.md of microsoftgraph/microsoft-graph-docs-contrib say (read
2026-11-29): the first round brings all users, and its last page a deltaLink; a later round brings
users with all selected properties that were ever set, null for those that were cleared, and
`@removed` for deleted ones. The reason is `changed` while a user can be restored, and `deleted`
afterwards; the first round may have them too. `$top`, `$expand`, and `$orderby` are not supported.
Links encode all parameters. Changes may come again, a user may come several times, and pages have
no order. 410 with a Location asks for a new start, and an expired token is answered with a 40X and
`syncStateNotFound`.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.servers.vendors.server import Json, Request, Response
from tests.sources_company import Company, Person

PAGE = 200
"""The number of users on a page; the documentation leaves it to the server."""


@dataclass
class DeltaFaults:
    """What goes wrong with delta queries."""

    gone: bool = False
    """410: the tenant was moved, and every link has to be given up."""
    expired_before: int = 0
    """Links from before this change are answered with `syncStateNotFound`."""
    refused: int = 0
    """The status with which every link is answered."""
    replays: int = 0
    """So many changes from before the link come again."""
    apart: bool = False
    """The properties of a user come in two records, of which the second is on a later page."""
    untrue: str = ""
    """The user whose first name comes twice, and is another one each time."""
    partial: bool = False
    """A user who was not known before comes without a name."""
    skipped: set[str] = field(default_factory=set)
    """Users whose changes never come."""
    unsupported: bool = False
    """Change tracking is not supported, as in external tenants."""
    between: dict[int, Callable[[], None]] = field(default_factory=dict)
    """What happens before the page with this number, counted from the start of the server."""
    cut: set[int] = field(default_factory=set)
    """The pages that name neither a next page nor a link for later changes."""


class DeltaOfUsers:
    """All changes of a tenant. `user` returns the properties of a person."""

    def __init__(
        self, company: Company, user: Callable[[Person], Json], page_size: Callable[[], int]
    ) -> None:
        self.tenant = "tenant"
        self.faults = DeltaFaults()
        self.url = ""
        self.pages = 0
        self._user = user
        self._page_size = page_size
        self.people = dict(company.by_key())
        self._gone: dict[str, str] = {}
        self._log: list[str] = []
        self._ever: dict[str, set[str]] = {}
        self._rounds: list[list[str]] = []
        for person in company.people:
            self._note(person)

    @property
    def number(self) -> int:
        """The number of changes so far."""
        return len(self._log)

    def change_to(self, company: Company) -> None:
        """Note what differs from the people so far."""
        after = company.by_key()
        for key, person in after.items():
            if self.people.get(key) != person:
                self._log.append(key)
                self._note(person)
                self._gone.pop(key, None)
        for key in self.people.keys() - after.keys():
            self._log.append(key)
            self._gone[key] = "changed"
        self.people = dict(after)

    def purge(self, key: str) -> None:
        """Delete a deleted user for good."""
        self._gone[key] = "deleted"
        self._log.append(key)

    def answer(self, request: Request) -> Response:
        """Answer `GET /users/delta`."""
        self.pages += 1
        self.faults.between.pop(self.pages, lambda: None)()
        if self.faults.unsupported:
            return error(400, "Request_UnsupportedQuery", "Change tracking is not supported")
        unsupported = {"$top", "$expand", "$orderby", "$count"} & set(request.query)
        if unsupported:
            return error(400, "Request_UnsupportedQuery", f"{sorted(unsupported)} not supported")
        if "$skiptoken" in request.query:
            return self._page(_read(request.query["$skiptoken"]))
        if "$deltatoken" not in request.query:
            return self._page(self._token(None, request.query.get("$select", "")))
        token = _read(request.query["$deltatoken"])
        if self.faults.refused:
            return error(self.faults.refused, "Refused", "The link is refused")
        if self.faults.gone:
            where = {"Location": f"{self.url}/v1.0/users/delta?$deltatoken="}
            return error(410, "syncStateNotFound", "Resync required", where)
        if token.get("tenant") != self.tenant:
            return error(400, "Directory_ExpiredPageToken", "The specified token is not valid")
        if token["since"] < self.faults.expired_before:
            return error(400, "syncStateNotFound", "The sync state generation is not found")
        return self._page(self._token(token["since"], token["select"]))

    def _token(self, since: int | None, select: str) -> Json:
        """Begin a round: the users in it are decided now, and their values with each page."""
        if since is None:
            names = sorted(self.people)
        else:
            names = list(dict.fromkeys(self._log[max(0, since - self.faults.replays) :]))
        self._rounds.append([name for name in names if name not in self.faults.skipped])
        return {
            "tenant": self.tenant,
            "round": len(self._rounds) - 1,
            "until": self.number,
            "select": select,
            "at": 0,
        }

    def _page(self, token: Json) -> Response:
        start, following = token["at"], token["at"] + min(self._page_size(), PAGE)
        records, number = self._records(token, start, following)
        body: Json = {"@odata.context": f"{self.url}/v1.0/$metadata#users"}
        if following < number:
            link = ("nextLink", "$skiptoken", token | {"at": following})
        else:
            later = {name: token[name] for name in ("tenant", "select")}
            link = ("deltaLink", "$deltatoken", later | {"since": token["until"]})
        if self.pages not in self.faults.cut:
            body[f"@odata.{link[0]}"] = f"{self.url}/v1.0/users/delta?{link[1]}={_written(link[2])}"
        return Response(200, body | {"value": records})

    def _records(self, token: Json, start: int, end: int) -> tuple[list[Json], int]:
        """Return the records of a round from `start` to `end`, and the number of all of them."""
        names, fields, faults = (
            self._rounds[token["round"]],
            token["select"].split(","),
            self.faults,
        )
        if not faults.apart and not faults.untrue:
            return [self._record(name, fields) for name in names[start:end]], len(names)
        records = [self._record(name, fields) for name in names]
        if faults.apart:
            records = [
                *({k: v for k, v in one.items() if k != "givenName"} for one in records),
                *({k: v for k, v in one.items() if k in ("id", "givenName")} for one in records),
            ]
        records += [one | {"givenName": "Nobody"} for one in records if one["id"] == faults.untrue]
        return records[start:end], len(records)

    def _record(self, name: str, fields: Sequence[str]) -> Json:
        if name in self._gone:
            return {"id": name, "@removed": {"reason": self._gone[name]}}
        user = self._user(self.people[name])
        if self.faults.partial:
            return {"id": name, "department": user["department"]}
        ever = self._ever[name]
        return {"id": name} | {field: user[field] for field in fields if field in ever}

    def _note(self, person: Person) -> None:
        user = self._user(person)
        known = self._ever.setdefault(person.key, set())
        known |= {name for name, value in user.items() if value is not None}


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error as Microsoft Graph writes it."""
    return Response(status, {"error": {"code": code, "message": message}}, headers or {})


def _written(token: Json) -> str:
    return urlsafe_b64encode(json.dumps(token).encode()).decode()


def _read(text: str) -> Any:
    try:
        return json.loads(urlsafe_b64decode(text))
    except ValueError:
        return {}
