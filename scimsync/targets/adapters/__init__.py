"""Types of targets: SCIM, and adapters for products without inbound SCIM.

To add an adapter, write a module that opens an `Adapter`, and add one line to `TARGET_TYPES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from scimsync.registry import Registry
from scimsync.scim.messages import Client

if TYPE_CHECKING:
    from scimsync.transport.http import HttpConnection


@dataclass(frozen=True, slots=True)
class TargetType:
    """A way to reach a target.

    `profile` is the default profile of its targets, and `open` returns a sender of SCIM requests
    over a connection, which it closes. It gets the number of requests that the connection may send
    per second, or None for no limit.
    """

    profile: str
    open: Callable[[HttpConnection, float | None], Client]


def _open_scim(connection: HttpConnection, _rate: float | None) -> Client:
    """Return a client that sends one request for each, so that its caller keeps the rate."""
    from scimsync.scim.client import ScimClient

    return ScimClient(connection)


def _adapter(module: str) -> Callable[[HttpConnection, float | None], Client]:
    """Return the `open_adapter` of a module of this folder, which is imported when it is called."""

    def open_adapter(connection: HttpConnection, rate: float | None) -> Client:
        adapter: Client = import_module(f"{__name__}.{module}").open_adapter(connection, rate)
        return adapter

    return open_adapter


TARGET_TYPES: Final[Registry[TargetType]] = Registry(
    "type of target",
    {
        "scim": TargetType("generic", _open_scim),
        "hoop": TargetType("hoop", _adapter("hoop")),
        "google-workspace": TargetType("google-workspace", _adapter("google_workspace")),
    },
)
