"""Dialects: how requests are shaped.

Many applications accept only the requests that they were tested with. To add a dialect, write a
module (or an object) with the functions of `Dialect`, and add one line to `DIALECTS`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from scimsync.registry import Registry
from scimsync.scim.dialects import rfc
from scimsync.scim.dialects.entra import ENTRA, ENTRA_LEGACY
from scimsync.scim.dialects.google import GOOGLE
from scimsync.scim.dialects.interop import INTEROP
from scimsync.scim.dialects.jumpcloud import JUMPCLOUD
from scimsync.scim.dialects.okta import OKTA, OKTA_PATCH, OKTA_PUT
from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.grammar import Scalar
from scimsync.scim.messages import Member, Query, RemoteResource, Requests, ScimRequest

DEFAULT_DIALECT: Final = "auto"
"""The dialect of a target if neither sync.toml nor the profile names one."""


class Dialect(Protocol):
    """Pure functions that turn an intended change into the request that makes it.

    `kind` is "user" or "group"; documents are those of `scimsync.scim.resources`.
    """

    def create(self, kind: str, document: Mapping[str, Any]) -> ScimRequest:
        """Return the request that creates a resource with the values in `document`."""

    def needs_current(self, kind: str, paths: Collection[str], /) -> bool:
        """Return whether a change at `paths` can only be shaped from the resource as it is now.

        That is so for PUT, and for an attribute that is written as a whole list. The caller then
        reads the resource and passes it on in `RemoteResource.current`. A change of members has the
        path `members`.
        """

    def update(
        self,
        kind: str,
        resource: RemoteResource,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> Requests:
        """Return the requests that turn `before` into `after`; none if they are equal.

        `before` is the document that the target last acknowledged. If the resource has an ETag, the
        target rejects the request when the resource has changed since.
        """

    def set_active(self, resource: RemoteResource, active: bool) -> Requests:
        """Return the requests that deactivate or reactivate a user."""

    def change_members(
        self, resource: RemoteResource, removed: Sequence[str], added: Sequence[Member]
    ) -> Requests:
        """Return the requests that remove and add single members of a group; others stay."""

    def delete(self, kind: str, remote_id: str) -> ScimRequest:
        """Return the request that deletes a resource."""

    def read(self, kind: str, remote_id: str) -> ScimRequest:
        """Return the request that reads one resource."""

    def match(self, kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
        """Return the request that finds resources by `value` at the path `attribute`.

        The response holds at most `count` of them.
        """

    def page(self, start_index: int, count: int) -> Query:
        """Return the query parameters for a page of a list.

        The page holds `count` resources; `start_index` is 1-based.
        """


DIALECTS: Final[Registry[Dialect]] = Registry(
    "dialect",
    {
        "auto": ShapedDialect(adapts=True),
        "rfc": rfc,
        "interop": INTEROP,
        "okta": OKTA,
        "okta-patch": OKTA_PATCH,
        "okta-put": OKTA_PUT,
        "entra": ENTRA,
        "entra-legacy": ENTRA_LEGACY,
        "jumpcloud": JUMPCLOUD,
        "google": GOOGLE,
    },
)
