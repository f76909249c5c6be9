"""How requests are shaped. Apps accept what they were tested with, so each way has a module of its
own and a name here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from scimsync.scim.dialects import rfc
from scimsync.scim.errors import ScimError
from scimsync.scim.messages import Member, ScimRequest
from scimsync.scim.tokens import Scalar


class Dialect(Protocol):
    """Pure functions from an intention to the request that says it. `kind` is "user" or "group";
    documents as in `resources`."""

    def create(self, kind: str, document: Mapping[str, Any]) -> ScimRequest:
        """Make a resource that holds `document`."""

    def update(
        self,
        kind: str,
        remote_id: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        etag: str | None = None,
    ) -> ScimRequest | None:
        """Turn what the resource was last known to hold into `after`; None where nothing differs.

        With `etag`, only if the resource did not change since.
        """

    def set_active(self, remote_id: str, active: bool) -> ScimRequest:
        """Deactivate or reactivate a user."""

    def change_members(
        self, remote_id: str, removed: Sequence[str], added: Sequence[Member]
    ) -> ScimRequest:
        """Take single members out of a group and put others in; never the whole list."""

    def delete(self, kind: str, remote_id: str) -> ScimRequest:
        """Remove a resource for good."""

    def read(self, kind: str, remote_id: str) -> ScimRequest:
        """Read one resource."""

    def match(self, kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
        """Find at most `count` resources by the value of the attribute path `attribute`."""


DIALECTS: Final[Mapping[str, Dialect]] = {"rfc": rfc}


def get_dialect(name: str) -> Dialect:
    """The dialect called `name`. Raises ScimError for an unknown one, naming those there are."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise ScimError(f"no dialect {name!r}; there are: {', '.join(sorted(DIALECTS))}") from None
