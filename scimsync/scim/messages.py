"""SCIM requests and responses as values, without an HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote

from scimsync.scim.attributes import read, resource_id, short_text
from scimsync.transport.request_errors import InvalidRequest

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
SEARCH_BY_POST: Final = "/.search"
"""The end of the path of a search by POST (RFC 7644 section 3.4.3)."""

Query = tuple[tuple[str, str], ...]
"""Names and values of a URL's query, not percent-encoded."""


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """A request to a service provider.

    `path` begins with "/", is relative to the base URL, and is percent-encoded. `body` is JSON.
    `if_match` is an ETag as the service provider wrote it (RFC 7644 section 3.14).
    """

    method: Method
    path: str
    body: Mapping[str, Any] | None = field(default=None, hash=False)
    query: Query = ()
    if_match: str | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise InvalidRequest(f"a request path begins with '/': {self.path}")

    @property
    def target(self) -> str:
        """The path and the query, percent-encoded, as they are sent."""
        if not self.query:
            return self.path
        return (
            self.path
            + "?"
            + "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in self.query)
        )

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Requests = tuple[ScimRequest, ...]
"""The requests that make one change, in the order in which they are sent. Usually there is one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group (RFC 7643 section 4.2).

    `value` is the id of its resource; `type` is "Group" for a nested group.
    """

    value: str
    type: str | None = None

    def to_json(self) -> dict[str, str]:
        """Return the element of `members`."""
        return {"value": self.value} | ({} if self.type is None else {"type": self.type})


@dataclass(frozen=True, slots=True)
class RemoteResource:
    """An existing resource of the service provider, with what a dialect may need to change it.

    `etag` is the version that a change is meant for. `current` is the whole resource as just read,
    or None if the dialect does not need it.
    """

    remote_id: str
    etag: str | None = None
    current: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class ScimResponse:
    """A response with a 2xx status.

    `body` is None if there was none. `etag`, `location` and `date` are headers. `retry_after` is in
    seconds, and so is `seconds`, the time that a bulk took. `transaction` is the header Set-Txn,
    which names a request that the service provider carries out later (RFC 9967).
    """

    status: int
    body: dict[str, Any] | None = None
    etag: str | None = None
    location: str | None = None
    retry_after: float | None = None
    date: str | None = None
    seconds: float | None = None
    transaction: str | None = None

    @property
    def resource_id(self) -> str | None:
        """The `id` of the resource in the body, as text; None if there is none."""
        return None if self.body is None else resource_id(self.body)

    @property
    def version(self) -> str | None:
        """The ETag of the resource: the header, or else `meta.version` (RFC 7644 section 3.14)."""
        meta = read(self.body or {}, "meta")
        version = self.etag or (read(meta, "version") if isinstance(meta, dict) else None)
        return short_text(version) if isinstance(version, str) else None


class Sender(Protocol):
    """A sender of requests: `ScimClient`, a connection with retries, an adapter for another API."""

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request` and return its response; raise RequestError if that fails."""


class Client(Sender, Protocol):
    """A sender that holds a connection."""

    async def aclose(self) -> None:
        """Close the connection."""


def resource_path(endpoint: str, remote_id: str) -> str:
    """Return the path of a resource below `endpoint` ("/Users"), with its id percent-encoded.

    Raise InvalidRequest for an id that would address something else: an empty id addresses the
    whole collection, and dots address another path.
    """
    if remote_id.strip() in ("", ".", ".."):
        raise InvalidRequest(f"{remote_id!r} cannot be the id of a resource")
    return f"{endpoint}/{quote(remote_id, safe='')}"
