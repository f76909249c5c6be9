"""Links: the known facts about each resource at each target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from scimsync.model.changes import Change
from scimsync.model.echoes import Echo
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind, RemoteId, Seq, fold_name


class LinkStatus(StrEnum):
    """The state of a resource at a target: not created yet, active, deactivated, deleted."""

    PENDING = "pending"
    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Link:
    """The known facts about one resource at one target.

    `document` is what the target last acknowledged, and is empty where nothing is known.
    `in_doubt` is set while the outcome of the last request is unknown: the resource has to be read
    before it is compared. `left_at` is when the user left, and is kept while a later deletion
    counts from it. `deletion_seen_at` is when a run first found that deletion due. `shared` is set
    where other keys are linked to the same resource: nothing is sent about it. `adopted` is set
    where the resource existed before it was linked.
    `may_have_access_since` is when the access of a leaver was to be removed, and is kept until that
    is confirmed. `left_before` is set where the user had left when the account was found.
    `claimed_name` is the folded unique name that the resource may have got from a request with an
    unknown outcome, besides the one in `document`; it means nothing unless `in_doubt` is set.
    `echoes` are the attributes that the target showed differently from what was sent. `moved_from`
    is the key that the resource was linked to before. `confirmed_seq` is the version of the record
    for which an administrator said that it is still the same person.
    """

    kind: Kind
    key: Key
    status: LinkStatus
    remote_id: RemoteId | None = None
    document: Document = field(default_factory=dict)
    etag: str | None = None
    in_doubt: bool = False
    claimed_name: str | None = None
    synced_at: datetime | None = None
    left_at: datetime | None = None
    delete_after: datetime | None = None
    deletion_seen_at: datetime | None = None
    failures: int = 0
    next_try_at: datetime | None = None
    last_error: str | None = None
    shared: bool = False
    adopted: bool = False
    may_have_access_since: datetime | None = None
    left_before: bool = False
    moved_from: Key | None = None
    confirmed_seq: Seq | None = None
    echoes: tuple[Echo, ...] = ()

    @property
    def unique_name(self) -> str | None:
        """The folded name in `document` that no two resources of this kind share."""
        return fold_name(self.document.get(UNIQUE_ATTRIBUTE[self.kind]))

    @property
    def external_id(self) -> str | None:
        """The externalId that the target has acknowledged."""
        value = self.document.get("externalId")
        return value if isinstance(value, str) else None

    @property
    def may_hold(self) -> list[Document]:
        """The values that the resource may hold: those acknowledged, and its own forms of them."""
        return [self.document, {echo.path: echo.shown for echo in self.echoes}]

    @property
    def is_due(self) -> bool:
        """Whether the link needs another look although its record did not change."""
        return (
            self.in_doubt
            or self.failures > 0
            or self.next_try_at is not None
            or self.may_have_access_since is not None
        )

    @property
    def has_account(self) -> bool:
        """Whether the resource exists at the target, active or not."""
        return self.remote_id is not None and self.status in (
            LinkStatus.ACTIVE,
            LinkStatus.INACTIVE,
        )

    @property
    def may_have_account(self) -> bool:
        """Whether the resource exists, or may exist after a creation of unknown outcome."""
        is_perhaps_created = self.status is LinkStatus.PENDING and self.in_doubt
        return self.has_account or (is_perhaps_created and bool(self.document))


@dataclass(frozen=True, slots=True)
class KnownResource:
    """The part of a link that is compared with what the target shows of its resource."""

    key: Key
    remote_id: RemoteId
    status: LinkStatus
    document: Document
    echoes: tuple[Echo, ...] = ()
    in_doubt: bool = False
    access_to_remove: bool = False
    shared: bool = False

    @property
    def has_account(self) -> bool:
        """Whether the resource exists at the target, active or not."""
        return self.status in (LinkStatus.ACTIVE, LinkStatus.INACTIVE)


def known_resource(link: Link) -> KnownResource:
    """Return the known resource of a link with an id."""
    return KnownResource(
        link.key,
        link.remote_id or RemoteId(""),
        link.status,
        link.document,
        link.echoes,
        link.in_doubt,
        link.may_have_access_since is not None,
        link.shared,
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """The number of links that wait for another try, and when the first is due."""

    count: int = 0
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessToRemove:
    """The leavers who may still have access at a target.

    It has their number, and the `first` of them with the time when their access was to be removed.
    """

    count: int = 0
    first: tuple[tuple[Key, datetime], ...] = ()

    @property
    def named(self) -> str:
        """`00004, 00005 and 3 more`."""
        keys = ", ".join(key for key, _ in self.first)
        more = self.count - len(self.first)
        return f"{keys} and {more:,} more" if more > 0 else keys


@dataclass(frozen=True, slots=True)
class Reference:
    """The attribute at `path` of `key` refers to the account of `ref_key`.

    `remote_id` is the value that the target acknowledged, None for no value. `ref_name` is set for
    a reference by name; if no record has that name, `ref_key` is the name too.
    """

    kind: Kind
    key: Key
    path: str
    ref_key: Key
    remote_id: RemoteId | None = None
    ref_name: str | None = None


def link_in_doubt(link: Link, now: datetime) -> Link:
    """Return the link of a resource that has to be read before it is compared, at once."""
    return replace(link, in_doubt=True, next_try_at=now)


def perhaps_changed(link: Link, changes: Iterable[Change]) -> Link:
    """Return the link, in doubt, of a resource that a request with `changes` may have changed."""
    unique = UNIQUE_ATTRIBUTE[link.kind]
    name = next((change.after for change in changes if change.path == unique), None)
    return perhaps_named(link, name)


def perhaps_named(link: Link, name: object) -> Link:
    """Return the link, in doubt, of a resource that may have a different unique name now."""
    earlier = link.claimed_name if link.in_doubt else None
    return replace(link, in_doubt=True, claimed_name=fold_name(name) or earlier)


def moved_link(link: Link, key: Key) -> Link:
    """Return the link of an account that belongs to another key now, whose user is there."""
    return replace(
        link,
        key=key,
        moved_from=link.key,
        left_at=None,
        delete_after=None,
        deletion_seen_at=None,
        may_have_access_since=None,
        left_before=False,
        failures=0,
        next_try_at=None,
        last_error=None,
    )


def failed_link(link: Link | None, kind: Kind, key: Key, error: str, next_try_at: datetime) -> Link:
    """Return the link after one more failure, due again at `next_try_at`."""
    base = link or Link(kind=kind, key=key, status=LinkStatus.PENDING)
    return replace(base, failures=base.failures + 1, last_error=error, next_try_at=next_try_at)
