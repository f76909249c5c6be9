"""Find and remove what a probe has made, at a server that may be wrong about anything.

Only a resource that the server shows under a name of the ledger is removed: a server may have
answered a creation with the id of another account. A resource is gone if the server answers 404 for
its id. If the id is not known, it is gone if no search finds its name, by filter and in the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from scimsync.formatting import printable
from scimsync.probe.answers import ProbeResponse
from scimsync.probe.ledger import Ledger, Made
from scimsync.probe.memory import NAME_PREFIX
from scimsync.probe.server import Request, Server
from scimsync.probe.values import LeftResource, RequestPurpose
from scimsync.scim.attributes import count_in, read, resource_id
from scimsync.scim.listing import next_cursor

_STEP: Final = "Clean up"
_PAGE: Final = 100
_MAX_PAGES: Final = 100
GONE: Final = (404, 410)


class CleanUp:
    """Removes the resources of ledgers, by requests to `server`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listed: dict[str, dict[str, str] | None] = {}

    async def remove_all(self, ledger: Ledger) -> list[LeftResource]:
        """Remove what is in the ledger, the latest first. Return what is left."""
        left: list[LeftResource] = []
        names = _folded(name for made in ledger.made for name in made.names)
        for made in reversed(ledger.made):
            remaining = await self._remove(made, names)
            left += remaining
            if not remaining:
                ledger.is_gone(made)
        return left

    async def find(self, made: Made) -> set[str] | None:
        """Return the ids of all resources with a name of `made`; None if that cannot be known."""
        found: set[str] = set()
        for name in made.names:
            if self._server.is_silent:
                return None
            target = _searching(made, name)
            answer = await self._send("GET", target)
            found |= _ids_with(answer.listed, made.attribute, made.names)
        if found:
            return found
        if made.endpoint not in self._listed:
            self._listed[made.endpoint] = await self._list(made)
        listed = self._listed[made.endpoint]
        wanted = {name.casefold() for name in made.names}
        return None if listed is None else {one for one, name in listed.items() if name in wanted}

    async def _remove(self, made: Made, names: set[str]) -> list[LeftResource]:
        """Remove a resource. It may have any of `names`: servers give it the name of another."""
        if self._server.is_silent:
            why = "the server no longer responds"
            known: list[str | None] = [*sorted(made.ids)] or [None]
            return [LeftResource(made.endpoint, made.names[0], one, why) for one in known]
        left: list[LeftResource] = []
        ids = set(made.ids)
        if made.unanswered:
            found = await self.find(made)
            if found is None:
                why = "the server shows neither the result of a filter nor the whole list"
                left.append(LeftResource(made.endpoint, made.names[0], None, why))
            ids |= found or set()
        outcomes = [(one, await self._delete(made, one, names)) for one in sorted(ids)]
        named = (made.endpoint, made.names[0])
        return left + [LeftResource(*named, one, why) for one, why in outcomes if why is not None]

    async def _delete(self, made: Made, resource_id: str, names: set[str]) -> str | None:
        """Delete a resource, and return why it is still there; None if it is gone."""
        path = f"{made.endpoint}/{quote(resource_id, safe='')}"
        shown = await self._send("GET", path)
        if shown.status in GONE:
            await self._send("DELETE", path)  # some servers hide users who are deactivated
            return None
        name = shown[made.attribute] if shown.status == 200 else None
        if name is None and resource_id not in (await self.find(made) or ()):
            return f"GET answers {_said(shown)}, and no list shows it"
        if name is not None and str(name).casefold() not in names:
            return f"the server shows it as {printable(name)!r}, so it was not removed"
        deleted = await self._send("DELETE", path)
        after = await self._send("GET", path)
        if after.status in GONE:
            return None
        if name is None and deleted.accepted and await self._not_listed(made, resource_id):
            return None
        return f"DELETE answers {_said(deleted)}, and GET {_said(after)} after that"

    async def _not_listed(self, made: Made, resource_id: str) -> bool:
        """Return whether the whole list is without a resource."""
        self._listed.pop(made.endpoint, None)
        found = await self.find(made)
        return found is not None and resource_id not in found

    async def _list(self, made: Made) -> dict[str, str] | None:
        """Return the names of all resources of probes by their ids, or None without a whole list.

        Names are in lower case.
        """
        listed = await self._list_by(made, cursors=False)
        if listed is None:
            listed = await self._list_by(made, cursors=True)
        if listed is None:
            return None
        return {key: name for key, name in listed.items() if name.startswith(NAME_PREFIX)}

    async def _list_by(self, made: Made, *, cursors: bool) -> dict[str, str] | None:
        """Read the whole list page by page: by startIndex, or by `cursors` (RFC 9865)."""
        seen: dict[str, str] = {}
        cursor = ""
        for _ in range(_MAX_PAGES):
            start = f"cursor={quote(cursor, safe='')}" if cursors else f"startIndex={len(seen) + 1}"
            answer = await self._send("GET", f"{made.endpoint}?{start}&count={_PAGE}")
            if answer.status != 200 or answer.document is None:
                return None
            before = len(seen)
            seen |= {
                key: str(read(one, made.attribute)).casefold()
                for one in answer.listed
                if (key := resource_id(one)) is not None
            }
            cursor = next_cursor(answer.document) or ""
            total = count_in(answer["totalResults"])
            is_last = not cursor if cursors else total is not None and len(seen) >= total
            if is_last:
                return seen if total is None or len(seen) >= total else None
            if not cursors and len(seen) == before:
                return None
        return None

    async def _send(self, method: str, target: str) -> ProbeResponse:
        answer, _ = await self._server.send(Request(method, target), _STEP, RequestPurpose.CLEAN_UP)
        return answer


def _searching(made: Made, name: str) -> str:
    condition = f'{made.attribute} eq "{name}"'
    return f"{made.endpoint}?filter={quote(condition, safe='')}"


def _ids_with(
    resources: Iterable[Mapping[str, Any]], attribute: str, names: Iterable[str]
) -> set[str]:
    """Return the ids of the resources with one of the names: a server may ignore the filter."""
    wanted = _folded(names)
    return {
        key
        for one in resources
        if (key := resource_id(one)) is not None and str(read(one, attribute)).casefold() in wanted
    }


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}


def _said(answer: ProbeResponse) -> str:
    return answer.problem if answer.status is None else f"status {answer.status}"
