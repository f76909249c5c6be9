"""Dialects: how requests are shaped.

Many applications accept only what they were tested with. A new dialect is a module (or an object)
with the functions of `Dialect`, and one line in `DIALECTS`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from scimsync.registry import Registry
from scimsync.scim.dialects import rfc
from scimsync.scim.grammar import Scalar
from scimsync.scim.messages import Member, Query, RemoteResource, ScimRequest

DEFAULT_DIALECT: Final = "rfc"
"""The dialect of targets for which neither sync.toml nor the profile names one."""


class Dialect(Protocol):
    """Pure functions from an intention to the request that expresses it.

    `kind` is "user" or "group"; documents are those of `scimsync.scim.resources`.
    """

    def create(self, kind: str, document: Mapping[str, Any]) -> ScimRequest:
        """Create a resource that holds `document`."""

    def needs_current(self, kind: str, paths: Collection[str], /) -> bool:
        """Return whether a change at `paths` can only be shaped from the resource as it is now, as
        with PUT, or for an attribute that is written as a whole list.

        The caller then reads the resource and passes it on in `RemoteResource.current`. A change of
        members has the path `members`.
        """

    def update(
        self,
        kind: str,
        resource: RemoteResource,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> ScimRequest | None:
        """Turn `before`, the document the target last acknowledged, into `after`; None where they
        are equal. With an ETag, the target refuses a resource that has changed since."""

    def set_active(self, resource: RemoteResource, active: bool) -> ScimRequest:
        """Deactivate or reactivate a user."""

    def change_members(
        self, resource: RemoteResource, removed: Sequence[str], added: Sequence[Member]
    ) -> ScimRequest:
        """Remove single members from a group and add others; members that are not named stay."""

    def delete(self, kind: str, remote_id: str) -> ScimRequest:
        """Delete a resource."""

    def read(self, kind: str, remote_id: str) -> ScimRequest:
        """Read one resource."""

    def match(self, kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
        """Find at most `count` resources by the value at the attribute path `attribute`."""

    def page(self, start_index: int, count: int) -> Query:
        """Return the query parameters for `count` resources of a list, from the index
        `start_index` on; the first is 1."""


DIALECTS: Final[Registry[Dialect]] = Registry(
    "dialect",
    {
        "rfc": rfc,
    },
)
