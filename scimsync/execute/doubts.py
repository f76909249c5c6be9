"""Reads what nobody knows: accounts and groups whose last request had no answer, before anything else is planned about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from scimsync.execute.books import Books, Now
from scimsync.execute.matching import Matcher
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.errors import ErrorKind, ScimProtocolError
from scimsync.scim.resources import project
from scimsync.state import journal, links, work
from scimsync.state.journal import Status
from scimsync.state.links import Link, LinkStatus, fold_name
from scimsync.types import Document, Key, Kind, RemoteId

_IDENTITY = {Kind.USER: ("externalId", "userName"), Kind.GROUP: ("externalId", "displayName")}
"""What has to agree for a resource to be the one that a creation without an answer made."""


class Doubts:
    """Of the resources of one kind at one target.

    `matcher` gives what asks for a key's resource, None where nothing is to be asked; `paths` the managed attributes of a key.
    `resources` are those that were read, None where one is gone; `failures` why some could not be. `lost` are the links of
    those that turned out to have been made.
    """

    def __init__(
        self,
        books: Books,
        target: str,
        kind: Kind,
        matcher: Callable[[Key], Matcher | None],
        paths: Callable[[Key], Sequence[str]],
    ) -> None:
        self._books = books
        self._target = target
        self._kind = kind
        self._matcher = matcher
        self._paths = paths
        self._as_read: dict[Key, Link] = {}
        self.resources: dict[Key, dict[str, object] | None] = {}
        self.failures: dict[Key, str] = {}

    def of(self, keys: Sequence[Key]) -> dict[Key, Link]:
        """The links of `keys`, doubtful also where a run that died left a request without an outcome."""
        left_over = work.left_over(self._target) & journal.of_kind(self._kind)
        with self._books.links.read() as connection:
            known = links.get_links(connection, self._target, self._kind, keys)
            for key in journal.sent_keys(connection, left_over, keys):
                if key in known and known[key].has_account:
                    known[key] = replace(known[key], doubtful=True)
        return known

    async def read_due(self, now: Now) -> None:
        """Reads all that this run has to do with, and notes the names that they hold: others may wait for these.

        Raises ScimError for what is not one account's trouble."""
        with self._books.links.read() as connection:
            keys = set(links.keys_of_kind(connection, self._target, self._kind, links.doubtful(now.time)))
            sent = work.left_over(self._target) & journal.of_kind(self._kind) & journal.with_status(Status.SENT)
            keys |= {entry.key for entry in journal.find(connection, sent)}
        some = sorted(keys)
        for start in range(0, len(some), 500):
            await self.read(self.of(some[start : start + 500]))

    async def read(self, known: Mapping[Key, Link]) -> None:
        """Reads the resources of doubtful links, each once in a round of planning. Raises ScimError as `read_due` does."""
        for key, link in known.items():
            asks = self._matcher(key)
            if asks is None or not link.doubtful or not link.has_account or link.remote_id is None or key in self.resources:
                continue
            try:
                self.resources[key] = resource = await asks.read_account(link.remote_id)
            except ScimProtocolError as error:
                if error.kind is ErrorKind.UNAUTHORISED:
                    raise
                self.failures[key] = f"the {self._word} cannot be read: {error}"
                continue
            self.failures.pop(key, None)
            if resource is not None:
                self._note(replace(link, document=self.held(link, resource)))

    async def find(self, link: Link) -> Link | None:
        """The link of a resource that a creation without an answer made, should nobody want it any more; None where there is
        none, or where it is not certain that it is the one. Raises ScimError."""
        asks = self._matcher(link.key)
        if asks is None or not link.doubtful or link.has_account or not link.document:
            return None
        found = await asks.look_up(link.document)
        if found is None or len(found.resources) != 1:
            return None
        (resource,) = found.resources
        remote_id = RemoteId(resource_id(resource) or "")
        held = project(resource, list(link.document))
        agree = all(held.get(path) == link.document[path] for path in _IDENTITY[self._kind] if path in link.document)
        with self._books.links.read() as connection:
            owned = links.owners(connection, self._target, self._kind, [remote_id])
        if not remote_id or not agree or owned or (self._kind is Kind.GROUP and read(resource, "members")):
            return None  # a group of ours has no members yet
        self.resources[link.key] = resource
        there = replace(link, status=LinkStatus.ACTIVE, remote_id=remote_id)
        self._note(replace(there, document=self.held(there, resource)))
        return there

    def held(self, link: Link, resource: Mapping[str, object]) -> Document:
        """What a resource holds of what is managed."""
        paths = self._paths(link.key)
        if self._kind is Kind.GROUP:
            return project(resource, paths)
        document = project(resource, [*paths, "active"])
        if "active" not in link.document and "active" not in paths and document.get("active") is True:
            del document["active"]  # nobody manages it, and nothing is to be done about it
        return document

    def holders(self, connection: Connection, names: Sequence[str]) -> dict[str, Link]:
        """Folded unique name -> the link of who holds it, by what was read."""
        known = links.name_holders(connection, self._target, self._kind, names) if names else {}
        by_name = {fold_name(link.document.get(_IDENTITY[self._kind][1])): link for link in self._as_read.values()}
        stay = {name: link for name, link in known.items() if link.key not in self._as_read}
        return stay | {name: by_name[name] for name in names if name in by_name}

    def forget(self) -> None:
        """Another round of planning begins: what was read may have been changed since."""
        self.resources.clear()
        self.failures.clear()
        self._as_read.clear()

    def _note(self, link: Link) -> None:
        self._as_read[link.key] = link
        if self._books.stores:
            with self._books.links.write() as connection:
                links.put_links(connection, self._target, [link])

    @property
    def _word(self) -> str:
        return "account" if self._kind is Kind.USER else "group"
