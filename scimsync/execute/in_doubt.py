"""Read resources whose last request has an unknown outcome, before anything else is planned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from scimsync.disk_collections import DiskMap
from scimsync.errors import coded
from scimsync.model.batches import batches
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    RESOURCE_ACTIONS,
    OperationFilter,
    OperationStatus,
)
from scimsync.model.placeholders import secrets_of
from scimsync.plan.product import GENERIC, ProductRules
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.scim.resources import project
from scimsync.state import operation_journal
from scimsync.state.store import Store
from scimsync.targets.echo_comparison import is_own_form
from scimsync.targets.evidence import Purpose, Verdict, verdict
from scimsync.targets.filter_search import SearchUndecided
from scimsync.targets.foreign_groups import has_other_external_id
from scimsync.targets.matching import Matcher, MatchResult
from scimsync.targets.resource_list import fold
from scimsync.targets.shown_resources import held_document, read_active

_BATCH = 500
_MAX_ENTRIES = 50
_MAX_UNREAD = 3
"""After this number of failed reads in a row, the remaining resources wait, provided that the
target responds to other requests."""


class KnownLinks(Protocol):
    """The links of one target, as this run sees them."""

    def links(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]: ...

    def in_doubt_keys(self, kind: Kind) -> list[Key]: ...

    def owners(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]: ...

    def note_link(self, link: Link) -> None: ...


class InDoubtReader:
    """A reader of resources in doubt, of one kind at one target.

    `matcher` returns the matcher that reads a key's resource. `paths` returns the managed
    attributes of a key, `create_only` those of them that are sent at creation only, and `protect`
    the filter that keeps a resource out of reach. With `members`, linked groups are read with
    their members. After reading, `resources` holds the resources, None if one is gone;
    `failures` says why some could not be read; `unacknowledged` are keys whose resource an earlier
    run created or adopted without receiving the response. `product` says which values are never
    returned, and whether users who are `invited` are shown as inactive.
    """

    def __init__(
        self,
        store: Store,
        known: KnownLinks,
        target: str,
        kind: Kind,
        matcher: Callable[[Key], Matcher],
        paths: Callable[[Key], Sequence[str]],
        create_only: Callable[[Key], frozenset[str]],
        protect: Callable[[Mapping[str, Any]], str | None],
        product: ProductRules = GENERIC,
        *,
        members: bool = False,
    ) -> None:
        self._store = store
        self._known = known
        self._target = target
        self._kind = kind
        self._matcher = matcher
        self._paths = paths
        self._create_only = create_only
        self._protect = protect
        self._product = product
        self._members = members
        self._failed_reads = 0
        self._target_responds = False
        self._read_keys: set[Key] = set()
        self.resources: DiskMap[dict[str, Any] | None] = DiskMap()
        self.failures: dict[Key, str] = {}
        self.unacknowledged: set[Key] = set()
        self.invited: set[Key] = set()

    def start_round(self) -> None:
        """Forget what was read: it may have changed since."""
        self.resources.clear()
        self.failures.clear()
        self.unacknowledged.clear()
        self._read_keys.clear()
        self._failed_reads = 0
        self._target_responds = False

    async def read_due(self) -> None:
        """Read every resource in doubt and note its document, since others may wait for its name.

        Raise RequestError for errors that concern more than one resource.
        """
        for chunk in batches(self._known.in_doubt_keys(self._kind), _BATCH):
            await self.read(self._known.links(self._kind, chunk))

    async def read(self, links: dict[Key, Link]) -> None:
        """Read those of `links` that are in doubt, each once in a round, and replace them.

        Link resources that a creation or an adoption without a response left behind. Raise
        RequestError as `read_due` does.
        """
        for key, link in links.items():
            if link.in_doubt and key not in self._read_keys:
                links[key] = await self._read_one(self._matcher(key), link) or link

    async def _read_one(self, matcher: Matcher, link: Link) -> Link | None:
        """Return the link with the values that were read, or None if it could not be read."""
        key = link.key
        self._read_keys.add(key)
        if self._failed_reads >= _MAX_UNREAD:
            if not self._target_responds:
                await matcher.probe()
                self._target_responds = True
            noun = self._kind.noun
            why = f"the {noun} is not read now: {self._failed_reads} others in a row failed"
            self.failures[key] = coded(why, "SYNC-0345")
            return None
        current: Link | None = None
        try:
            if not link.has_account:
                current = await self._find(matcher, link)
            elif link.remote_id is not None:
                current = await self._locate(matcher, link, link.remote_id)
        except (ErrorResponse, ListingError) as error:
            if verdict(error, Purpose.READ) is Verdict.TOKEN:
                raise
            verb = "read" if link.has_account else "searched for"
            why = f"the {self._kind.noun} cannot be {verb}: {error}"
            self.failures[key] = coded(why, "SYNC-0345")
            self._failed_reads += 1
            return None
        self._failed_reads = 0
        known = replace(current or link, claimed_name=None)
        if current is not None or known != link:
            self._known.note_link(known)
        return known

    async def _locate(self, matcher: Matcher, link: Link, remote_id: RemoteId) -> Link | None:
        """Return the link with the values of its resource, or None if the resource is gone.

        The target may have given it a new id meanwhile.
        """
        resource = matcher.listed(remote_id) if self._kind is Kind.USER else None
        if resource is None or not self._is_as_acknowledged(link, resource):
            # lists may be abridged
            resource = await matcher.locate(remote_id, link.document, members=self._members)
        if resource is not None:
            remote_id = RemoteId(resource_id(resource) or remote_id)
            owner = self._known.owners(self._kind, [remote_id]).get(remote_id, link.key)
            if owner != link.key:
                resource = None
        self.resources[link.key] = resource
        if resource is None:
            return None
        return replace(link, remote_id=remote_id, document=self.held(link, resource))

    async def _find(self, matcher: Matcher, link: Link) -> Link | None:
        """Return the link to the resource of a creation or adoption without a response.

        Return None if it is not certain that the resource is the right one.
        """
        if not link.document:
            return None
        if link.remote_id is not None:
            resource = await matcher.read(link.remote_id, members=True)
            remote_id = link.remote_id
            shown = self._shown(link.document)
            created_by_us = resource is not None and _agree(shown, resource, absent=False)
        else:
            match = await self._match(matcher, link)
            resource = None
            if match is not None and len(match.resources) == 1:
                resource = await matcher.with_members(match.resources[0])
            remote_id = RemoteId(resource_id(resource or {}) or "")
            created_by_us = resource is not None and self._was_created_by_us(
                link.document, resource
            )
        if (
            not created_by_us
            or not remote_id
            or self._protect(resource or {}) is not None
            or self._known.owners(self._kind, [remote_id])
            or resource is None
        ):
            return None
        self.resources[link.key] = resource
        self.unacknowledged.add(link.key)
        created = replace(link, status=LinkStatus.ACTIVE, remote_id=remote_id)
        return replace(created, document=self.held(created, resource))

    async def _match(self, matcher: Matcher, link: Link) -> MatchResult | None:
        """Return the resources that may have been created, or None if it is proven that none was.

        Otherwise it would be created twice, or forgotten. Raise SearchUndecided.
        """
        matches, refused = await matcher.find({link.key: link.document}, proving=True)
        if link.key in refused:
            raise SearchUndecided(refused[link.key])
        return matches.get(link.key)

    def _was_created_by_us(self, sent: Document, resource: Mapping[str, object]) -> bool:
        """Return whether a creation of `sent` made the resource.

        Its externalId decides if there is one, or else all attributes that it holds of those sent.
        Others may have created a resource of the same name. A new group has no members, which
        proves nothing where members are never shown.
        """
        is_group = self._kind is Kind.GROUP
        if is_group and (read(resource, "members") or has_other_external_id(resource, sent)):
            return False
        name = UNIQUE_ATTRIBUTE[self._kind]
        held = project(resource, ["externalId", name])
        if held.get("externalId") is not None and sent.get("externalId") is not None:
            return bool(held["externalId"] == sent["externalId"])
        if is_group and not self._product.members_returned:
            return False
        return fold(name, held.get(name)) == fold(name, sent.get(name)) and _agree(
            sent, resource, absent=True
        )

    def held(
        self, link: Link, resource: Mapping[str, object], wanted: Iterable[str] = ()
    ) -> Document:
        """Return the values at the paths that scimsync wrote, tried to write, or wants.

        Attributes that others wrote are left out. A value in the target's own form is the one that
        was acknowledged, unless a request since then sent another. Sensitive values are those that
        were acknowledged last, on the same condition.
        """
        create_only = self._create_only(link.key)
        requested, complete = self._requested_paths(link.key)
        written = requested if complete else self._paths(link.key)
        paths = [
            path
            for path in dict.fromkeys([*link.document, *written, *wanted])
            if path not in create_only
        ]
        if link.status is LinkStatus.INACTIVE and "active" not in paths:
            paths.append("active")
        held = held_document(resource, paths) | {
            path: link.document[path]
            for path, shown in held_document(resource, link.document).items()
            if path not in requested
            and path != "active"
            and path in paths
            and is_own_form(link.echoes, path, link.document[path], shown)
        }
        if self._has_invitation(link, held, requested, complete=complete):
            self.invited.add(link.key)
            held["active"] = True
        return held | {
            path: value for path, value in self._unseen(link).items() if path not in requested
        }

    def _unseen(self, link: Link) -> Document:
        """Return the acknowledged values that the target never shows."""
        return secrets_of(link.document) | {
            path: value for path, value in link.document.items() if path in self._product.send_only
        }

    def _has_invitation(
        self, link: Link, held: Document, requested: Sequence[str], *, complete: bool
    ) -> bool:
        """Return whether a user is inactive for no other reason than an open invitation.

        Nobody was deactivated by a request without a response.
        """
        return (
            self._product.invites
            and self._kind is Kind.USER
            and link.status is LinkStatus.ACTIVE
            and held.get("active") is False
            and link.document.get("active") is not False
            and complete
            and "active" not in requested
        )

    def _shown(self, document: Document) -> Document:
        """Return what a resource shows of a document."""
        hidden = self._product.send_only
        return {path: value for path, value in document.items() if path not in hidden}

    def _is_as_acknowledged(self, link: Link, resource: Mapping[str, object]) -> bool:
        """Return whether a resource shows all that the target last acknowledged."""
        is_active = read_active(read(resource, "active")) is not False
        shown = self._shown(link.document)
        return (
            is_active is (link.status is LinkStatus.ACTIVE)
            and bool(shown)
            and _agree(shown, resource, absent=False)
        )

    def _requested_paths(self, key: Key) -> tuple[list[str], bool]:
        """Return the paths of all requests since the last acknowledged operation.

        Return also whether the journal goes back that far.
        """
        sent = OperationFilter(
            target=self._target,
            kind=self._kind,
            keys=[key],
            actions=RESOURCE_ACTIONS,
            was_sent=True,
        )
        paths: set[str] = set()
        with self._store.read() as connection:
            entries = list(operation_journal.last(connection, sent, _MAX_ENTRIES))
        for entry in reversed(entries):
            if entry.status is OperationStatus.APPLIED:
                return sorted(paths), True
            paths |= {change.path for change in entry.changes}
        complete = entries and len(entries) < _MAX_ENTRIES and entries[0].action in ARRIVAL_ACTIONS
        return sorted(paths), bool(complete)


def _agree(sent: Document, resource: Mapping[str, object], *, absent: bool) -> bool:
    """Return whether a resource has the values that were sent, ignoring the case of text.

    With `absent`, ignore attributes that it does not hold, and multi-valued ones.
    """
    held = held_document(resource, sent)
    for path, value in sent.items():
        held_value = held.get(path)
        if absent and (
            held_value is None
            or isinstance(value, (dict, list))
            or isinstance(held_value, (dict, list))
        ):
            continue
        if held_value != value and (
            not isinstance(value, str) or fold(path, held_value) != fold(path, value)
        ):
            return False
    return bool(sent)
