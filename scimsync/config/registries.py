"""The registries that decide which words sync.toml may contain.

`load` passes them to the validators of `settings.registered` as pydantic's validation context.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scimsync.config.notifications import Receiver
from scimsync.registry import Registry
from scimsync.scim.dialects import Dialect
from scimsync.scim.messages import Client
from scimsync.scim.profiles import Profile
from scimsync.sources import SourceSettings
from scimsync.transport.auth import AuthenticatorSettings

if TYPE_CHECKING:  # httpx2 is slow to import
    from scimsync.transport.http import HttpConnection


class TargetType(Protocol):
    """A way to reach a target: over SCIM, or through an adapter for another API."""

    @property
    def profile(self) -> str:
        """The profile of a target that names none."""

    @property
    def open(self) -> Callable[[HttpConnection, float | None], Client]:
        """A function that returns a sender of SCIM requests over a connection, at a rate."""


@dataclass(frozen=True, slots=True)
class Registries:
    """Everything that sync.toml can refer to by name."""

    sources: Registry[type[SourceSettings]]
    authenticators: Registry[type[AuthenticatorSettings]]
    target_types: Registry[TargetType]
    dialects: Registry[Dialect]
    profiles: Registry[Callable[[], Profile]]
    channels: Registry[type[Receiver]]
