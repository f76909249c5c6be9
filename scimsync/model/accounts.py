"""Accounts and groups that exist at a target before scimsync links them."""

from __future__ import annotations

from dataclasses import dataclass, field

from scimsync.model.ids import Document, Key, RemoteId

IDENTITY = ("externalId", "userName", "name.familyName", "name.givenName", "displayName")
"""The attributes that tell whose account it is."""


@dataclass(frozen=True, slots=True)
class Account:
    """A resource that exists at the target.

    `document` has its values at the managed paths. `found_by` is the attribute by which it was
    found. `owner` is the key that is linked to it already, if any. `members` are those of a group.
    `protected_by` is the filter of `protect` that keeps it out of reach. `identity` has its values
    at the paths `IDENTITY`, whether they are managed or not.
    """

    remote_id: RemoteId
    document: Document
    found_by: str
    active: bool | None = None
    etag: str | None = None
    owner: Key | None = None
    members: tuple[RemoteId, ...] = ()
    protected_by: str | None = None
    identity: Document = field(default_factory=dict)
