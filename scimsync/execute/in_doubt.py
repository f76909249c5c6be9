"""Reads what nobody knows: accounts and groups whose last request had no answer, before anything
else is planned about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from scimsync.execute.books import Books
from scimsync.execute.known import KnownLinks
from scimsync.model.ids import (
    UNIQUE_ATTRIBUTE,
    Document,
    Key,
    Kind,
    RemoteId,
)
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    RESOURCE_ACTIONS,
    OperationFilter,
    OperationStatus,
)
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.resources import project
from scimsync.state import journal
from scimsync.targets.matching import Matcher, fold

_MOST_TRIES = 50
_MOST_UNREAD = 3
"""After so many that cannot be read in a row, the others wait, if the target answers at all: it is
not down for their sake."""


class InDoubtReader:
    """Of the resources of one kind at one target.

    `matcher` gives what asks for a key's resource, None where nothing is to be asked; `paths` the
    managed attributes of a key, `once` those of them that are sent at creation only. `resources`
    are those that were read, None where one is gone; `failures` why some could not be. `unseen` are
    the keys of those that an earlier run made or adopted without an answer.
    """

    def __init__(
        self,
        books: Books,
        known: KnownLinks,
        target: str,
        kind: Kind,
        matcher: Callable[[Key], Matcher | None],
        paths: Callable[[Key], Sequence[str]],
        once: Callable[[Key], frozenset[str]],
    ) -> None:
        self._books = books
        self._known = known
        self._target = target
        self._kind = kind
        self._matcher = matcher
        self._paths = paths
        self._once = once
        self._unread = 0
        self._answers = False
        self._done: set[Key] = set()
        self.resources: dict[Key, dict[str, object] | None] = {}
        self.failures: dict[Key, str] = {}
        self.unseen: set[Key] = set()

    async def read_due(self) -> None:
        """Reads all that this run has to do with, and notes what they hold: others may wait for
        their names.

        Raises RequestError for what is not one account's trouble."""
        some = self._known.in_doubt(self._kind)
        for start in range(0, len(some), 500):
            await self.read(self._known.get(self._kind, some[start : start + 500]))

    async def read(self, known: dict[Key, Link]) -> None:
        """Reads what is doubtful of `known`, each once in a round of planning; there, what a
        creation or an adoption without an answer made is linked. Raises RequestError as `read_due`
        does."""
        for key, link in known.items():
            asks = self._matcher(key)
            if asks is not None and link.in_doubt and key not in self._done:
                known[key] = await self._read_one(asks, link) or link

    async def _read_one(self, asks: Matcher, link: Link) -> Link | None:
        """The link with what was read, if anything was."""
        key = link.key
        self._done.add(key)
        if self._unread >= _MOST_UNREAD:
            if not self._answers:
                await asks.answers()
                self._answers = True
            self.failures[key] = (
                f"the {self._word} is not read now: {self._unread} others in a row could not be"
                " read"
            )
            return None
        there: Link | None = None
        try:
            if not link.has_account:
                there = await self._find(asks, link)
            elif link.remote_id is not None:
                self.resources[key] = resource = await asks.read_account(link.remote_id)
                there = (
                    None if resource is None else replace(link, document=self.held(link, resource))
                )
        except ErrorResponse as error:
            if error.kind is ErrorKind.UNAUTHORISED:
                raise
            verb = "read" if link.has_account else "looked for"
            self.failures[key] = f"the {self._word} cannot be {verb}: {error}"
            self._unread += 1
        else:
            self._unread = 0
        if there is not None:
            self._known.note(there)
        return there

    async def _find(self, asks: Matcher, link: Link) -> Link | None:
        """The link to what a creation or an adoption without an answer made, where it is certain
        that it is the one."""
        if not link.document:
            return None
        if link.remote_id is not None:
            resource = await asks.read_account(link.remote_id)
            remote_id = link.remote_id
            ours = resource is not None and _agree(link.document, resource, absent=False)
        else:
            found = await asks.look_up(link.document)
            resource = (
                found.resources[0] if found is not None and len(found.resources) == 1 else None
            )
            remote_id = RemoteId(resource_id(resource or {}) or "")
            ours = resource is not None and self._is_made_by_us(link.document, resource)
        if (
            not ours
            or not remote_id
            or self._known.owners(self._kind, [remote_id])
            or resource is None
        ):
            return None
        self.resources[link.key] = resource
        self.unseen.add(link.key)
        there = replace(link, status=LinkStatus.ACTIVE, remote_id=remote_id)
        return replace(there, document=self.held(there, resource))

    def _is_made_by_us(self, sent: Document, resource: Mapping[str, object]) -> bool:
        """Whether a resource is the one that a creation of `sent` made: by its externalId where it
        has one, else by all that it holds of what was sent. Others may have made one of the same
        name; a group of ours has no members yet."""
        if self._kind is Kind.GROUP and read(resource, "members"):
            return False
        name = UNIQUE_ATTRIBUTE[self._kind]
        held = project(resource, ["externalId", name])
        if held.get("externalId") is not None and sent.get("externalId") is not None:
            return bool(held["externalId"] == sent["externalId"])
        return fold(name, held.get(name)) == fold(name, sent.get(name)) and _agree(
            sent, resource, absent=True
        )

    def held(
        self, link: Link, resource: Mapping[str, object], wanted: Iterable[str] = ()
    ) -> Document:
        """What a resource holds of what the target was told, or asked without an answer, and of the
        paths `wanted`. What others wrote elsewhere is theirs."""
        once = self._once(link.key)
        paths = [
            path
            for path in dict.fromkeys([*link.document, *self._asked(link.key), *wanted])
            if path not in once
        ]
        if link.status is LinkStatus.INACTIVE and "active" not in paths:
            paths.append("active")
        return project(resource, paths)

    def _asked(self, key: Key) -> Sequence[str]:
        """The paths of what was sent since the last operation that was acknowledged; all, where the
        journal does not go back so far."""
        sent = OperationFilter(
            target=self._target,
            kind=self._kind,
            keys=[key],
            actions=RESOURCE_ACTIONS,
            was_sent=True,
        )
        paths: set[str] = set()
        with self._books.links.read() as connection:
            entries = list(journal.last(connection, sent, _MOST_TRIES))
        for entry in reversed(entries):
            if entry.status is OperationStatus.APPLIED:
                return sorted(paths)
            paths |= {change.path for change in entry.changes}
        complete = entries and len(entries) < _MOST_TRIES and entries[0].action in ARRIVAL_ACTIONS
        return sorted(paths) if complete else self._paths(key)

    def forget(self) -> None:
        """Another round of planning begins: what was read may have been changed since."""
        self.resources.clear()
        self.failures.clear()
        self.unseen.clear()
        self._done.clear()
        self._unread = 0
        self._answers = False

    @property
    def _word(self) -> str:
        return "account" if self._kind is Kind.USER else "group"


def _agree(sent: Document, resource: Mapping[str, object], *, absent: bool) -> bool:
    """Whether a resource holds what was sent, texts without regard to case. With `absent`, what it
    does not hold at all, and what is more than one value, says nothing."""
    held = project(resource, list(sent))
    for path, value in sent.items():
        other = held.get(path)
        if absent and (
            other is None or isinstance(value, (dict, list)) or isinstance(other, (dict, list))
        ):
            continue
        if other != value and (
            not isinstance(value, str) or fold(path, other) != fold(path, value)
        ):
            return False
    return bool(sent)
