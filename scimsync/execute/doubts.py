"""Reads what nobody knows: accounts and groups whose last request had no answer, before anything else is planned about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from scimsync.execute.books import Books, Now
from scimsync.execute.matching import Matcher, fold
from scimsync.execute.perform import perhaps_there
from scimsync.plan.model import GROUP_NEEDED, MEMBERSHIP
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.errors import ErrorKind, ScimProtocolError
from scimsync.scim.resources import project
from scimsync.state import journal, links, work
from scimsync.state.journal import Status
from scimsync.state.links import Link, LinkStatus, fold_name
from scimsync.types import Document, Key, Kind, RemoteId

_MOST_TRIES = 50
_MOST_UNREAD = 3
"""After so many that cannot be read in a row, the others wait, if the target answers at all: it is not down for their sake."""
_NAME = {Kind.USER: "userName", Kind.GROUP: "displayName"}
"""What no two of a kind may share at a target, or should not."""


class Doubts:
    """Of the resources of one kind at one target.

    `matcher` gives what asks for a key's resource, None where nothing is to be asked; `paths` the managed attributes of a key,
    `once` those of them that are sent at creation only.
    `resources` are those that were read, None where one is gone; `failures` why some could not be. `unseen` are the keys
    of those that an earlier run made or adopted without an answer.
    """

    def __init__(
        self,
        books: Books,
        target: str,
        kind: Kind,
        matcher: Callable[[Key], Matcher | None],
        paths: Callable[[Key], Sequence[str]],
        once: Callable[[Key], frozenset[str]],
    ) -> None:
        self._books = books
        self._target = target
        self._kind = kind
        self._matcher = matcher
        self._paths = paths
        self._once = once
        self._unread = 0
        self._answers = False
        self._as_read: dict[Key, Link] = {}
        self._done: set[Key] = set()
        self.resources: dict[Key, dict[str, object] | None] = {}
        self.failures: dict[Key, str] = {}
        self.unseen: set[Key] = set()

    def of(self, keys: Sequence[Key]) -> dict[Key, Link]:
        """The links of `keys`, doubtful also where a run that died left a request without an outcome."""
        left_over = work.left_over(self._target) & journal.of_kind(self._kind)
        with self._books.links.read() as connection:
            known = links.get_links(connection, self._target, self._kind, keys)
            sent = left_over & journal.of_keys(keys) & journal.with_status(Status.SENT)
            for entry in journal.find(connection, sent & ~journal.with_action(*MEMBERSHIP)):
                link = known.get(entry.key)
                if entry.action in GROUP_NEEDED:
                    known[entry.key] = perhaps_there(link, entry)
                elif link is not None and link.has_account:
                    known[entry.key] = replace(link, doubtful=True)
        return known

    async def read_due(self, now: Now) -> None:
        """Reads all that this run has to do with, and notes what they hold: others may wait for their names.

        Raises ScimError for what is not one account's trouble."""
        with self._books.links.read() as connection:
            keys = set(links.keys_of_kind(connection, self._target, self._kind, links.doubtful(now.time)))
            sent = work.left_over(self._target) & journal.of_kind(self._kind) & journal.with_status(Status.SENT)
            keys |= {entry.key for entry in journal.find(connection, sent)}
        some = sorted(keys)
        for start in range(0, len(some), 500):
            await self.read(self.of(some[start : start + 500]))

    async def read(self, known: dict[Key, Link]) -> None:
        """Reads what is doubtful of `known`, each once in a round of planning; there, what a creation or an adoption without an
        answer made is linked. Raises ScimError as `read_due` does."""
        for key, link in known.items():
            asks = self._matcher(key)
            if asks is not None and link.doubtful and key not in self._done:
                await self._read_one(asks, link)
            if key in self._as_read:
                known[key] = self._as_read[key]

    async def _read_one(self, asks: Matcher, link: Link) -> None:
        key = link.key
        self._done.add(key)
        if self._unread >= _MOST_UNREAD:
            if not self._answers:
                await asks.answers()
                self._answers = True
            self.failures[key] = f"the {self._word} is not read now: {self._unread} others in a row could not be read"
            return
        try:
            if not link.has_account:
                await self._find(asks, link)
            elif link.remote_id is not None:
                self.resources[key] = resource = await asks.read_account(link.remote_id)
                if resource is not None:
                    self._note(replace(link, document=self.held(link, resource)))
        except ScimProtocolError as error:
            if error.kind is ErrorKind.UNAUTHORISED:
                raise
            verb = "read" if link.has_account else "looked for"
            self.failures[key] = f"the {self._word} cannot be {verb}: {error}"
            self._unread += 1
        else:
            self._unread = 0

    async def _find(self, asks: Matcher, link: Link) -> None:
        """Links what a creation or an adoption without an answer made, where it is certain that it is the one."""
        if not link.document:
            return
        if link.remote_id is not None:
            resource = await asks.read_account(link.remote_id)
            remote_id = link.remote_id
            ours = resource is not None and _agree(link.document, resource, absent=False)
        else:
            found = await asks.look_up(link.document)
            resource = found.resources[0] if found is not None and len(found.resources) == 1 else None
            remote_id = RemoteId(resource_id(resource or {}) or "")
            ours = resource is not None and self._is_made_by_us(link.document, resource)
        with self._books.links.read() as connection:
            owned = self.owners(connection, [remote_id])
        if not ours or not remote_id or owned or resource is None:
            return
        self.resources[link.key] = resource
        self.unseen.add(link.key)
        there = replace(link, status=LinkStatus.ACTIVE, remote_id=remote_id)
        self._note(replace(there, document=self.held(there, resource)))

    def _is_made_by_us(self, sent: Document, resource: Mapping[str, object]) -> bool:
        """Whether a resource is the one that a creation of `sent` made: by its externalId where it has one, else by all that it
        holds of what was sent. Others may have made one of the same name; a group of ours has no members yet."""
        if self._kind is Kind.GROUP and read(resource, "members"):
            return False
        name = _NAME[self._kind]
        held = project(resource, ["externalId", name])
        if held.get("externalId") is not None and sent.get("externalId") is not None:
            return bool(held["externalId"] == sent["externalId"])
        return fold(name, held.get(name)) == fold(name, sent.get(name)) and _agree(sent, resource, absent=True)

    def held(self, link: Link, resource: Mapping[str, object], wanted: Iterable[str] = ()) -> Document:
        """What a resource holds of what the target was told, or asked without an answer, and of the paths `wanted`. What others
        wrote elsewhere is theirs."""
        once = self._once(link.key)
        paths = [path for path in dict.fromkeys([*link.document, *self._asked(link.key), *wanted]) if path not in once]
        if link.status is LinkStatus.INACTIVE and "active" not in paths:
            paths.append("active")
        return project(resource, paths)

    def _asked(self, key: Key) -> Sequence[str]:
        """The paths of what was sent since the last operation that was acknowledged; all, where the journal does not go back
        so far."""
        ours = journal.of_target(self._target) & journal.of_kind(self._kind) & journal.of_keys([key])
        sent = ours & journal.was_sent() & ~journal.with_action(*MEMBERSHIP)
        paths: set[str] = set()
        with self._books.links.read() as connection:
            entries = list(journal.last(connection, sent, _MOST_TRIES))
        for entry in reversed(entries):
            if entry.status is Status.APPLIED:
                return sorted(paths)
            paths |= {change.path for change in entry.changes}
        complete = entries and len(entries) < _MOST_TRIES and entries[0].action in GROUP_NEEDED
        return sorted(paths) if complete else self._paths(key)

    def owners(self, connection: Connection, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        """Remote id -> the key that is linked to it, also by what was found in this round."""
        owned = links.owners(connection, self._target, self._kind, ids) if ids else {}
        found = {link.remote_id: key for key, link in self._as_read.items()}
        return owned | {one: found[one] for one in ids if one in found}

    def holders(self, connection: Connection, names: Sequence[str]) -> dict[str, Link]:
        """Folded unique name -> the link of who holds it, by what was read."""
        known = links.name_holders(connection, self._target, self._kind, names) if names else {}
        by_name = {fold_name(link.document.get(_NAME[self._kind])): link for link in self._as_read.values()}
        stay = {name: link for name, link in known.items() if link.key not in self._as_read}
        return stay | {name: by_name[name] for name in names if name in by_name}

    def forget(self) -> None:
        """Another round of planning begins: what was read may have been changed since."""
        self.resources.clear()
        self.failures.clear()
        self.unseen.clear()
        self._done.clear()
        self._unread = 0
        self._answers = False
        self._as_read.clear()

    def _note(self, link: Link) -> None:
        self._as_read[link.key] = link
        if self._books.stores:
            with self._books.links.write() as connection:
                links.put_links(connection, self._target, [link])

    @property
    def _word(self) -> str:
        return "account" if self._kind is Kind.USER else "group"


def _agree(sent: Document, resource: Mapping[str, object], *, absent: bool) -> bool:
    """Whether a resource holds what was sent, texts without regard to case. With `absent`, what it does not hold at all, and
    what is more than one value, says nothing."""
    held = project(resource, list(sent))
    for path, value in sent.items():
        other = held.get(path)
        if absent and (other is None or isinstance(value, (dict, list)) or isinstance(other, (dict, list))):
            continue
        if other != value and (not isinstance(value, str) or fold(path, other) != fold(path, value)):
            return False
    return bool(sent)
