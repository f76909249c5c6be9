"""One request to a service provider and one answer from it, as values that know no HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import quote

from scimsync.scim.attributes import read, resource_id
from scimsync.scim.errors import ScimError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """What is asked of a service provider.

    `path` begins with "/", is relative to the base URL and percent-encoded already; `query` holds
    names and values as plain text; `body` is JSON; `if_match` is an ETag as the service provider
    wrote it (RFC 7644 section 3.14).
    """

    method: Method
    path: str
    body: Mapping[str, Any] | None = field(default=None, hash=False)
    query: tuple[tuple[str, str], ...] = ()
    if_match: str | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ScimError(f"a request path begins with '/': {self.path}")

    @property
    def target(self) -> str:
        """Path and query as they are sent, percent-encoded."""
        if not self.query:
            return self.path
        return (
            self.path
            + "?"
            + "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in self.query)
        )

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group: the id of its resource, and "Group" for a group within the group (RFC
    7643 section 4.2)."""

    value: str
    type: str | None = None

    def to_json(self) -> dict[str, str]:
        """As it stands in `members`."""
        return (
            {"value": self.value} if self.type is None else {"value": self.value, "type": self.type}
        )


@dataclass(frozen=True, slots=True)
class ScimResponse:
    """What a service provider answered with a 2xx status.

    `body` is None where the answer had none; `etag` and `location` are headers; `retry_after` is in
    seconds.
    """

    status: int
    body: dict[str, Any] | None = None
    etag: str | None = None
    location: str | None = None
    retry_after: float | None = None

    @property
    def resource_id(self) -> str | None:
        """The `id` of the resource in the body, as text."""
        return None if self.body is None else resource_id(self.body)

    @property
    def version(self) -> str | None:
        """The ETag of the resource: the header, else `meta.version` (RFC 7644 section 3.14)."""
        meta = read(self.body or {}, "meta")
        version = self.etag or (read(meta, "version") if isinstance(meta, dict) else None)
        return version if isinstance(version, str) and version else None


class Sender(Protocol):
    """Whatever sends a request: `ScimClient`, or what retries around it."""

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request`; raises the errors of `scimsync.scim.errors`."""


def resource_path(endpoint: str, remote_id: str) -> str:
    """The path of one resource below `endpoint` ("/Users"), with every reserved character of the id
    percent-encoded.

    Raises ScimError for an id that would name something else: an empty one the whole collection,
    dots another path.
    """
    if remote_id.strip() in ("", ".", ".."):
        raise ScimError(f"{remote_id!r} cannot be the id of a resource")
    return f"{endpoint}/{quote(remote_id, safe='')}"
