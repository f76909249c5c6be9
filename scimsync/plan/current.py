"""The resources that a plan has read because their requests depend on their current values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from scimsync.model.ids import Key, Kind

Resource = tuple[Kind, Key]


@dataclass(frozen=True, slots=True)
class CurrentResources:
    """Resources as JSON, since a plan may have many.

    `unread` is why some could not be read, and `otherwise` why no others were.
    """

    read: Mapping[Resource, bytes] = field(default_factory=dict)
    unread: Mapping[Resource, str] = field(default_factory=dict)
    otherwise: str = "it was not read"

    def get(self, kind: Kind, key: Key) -> dict[str, Any] | None:
        """Return a resource as it was read, or None."""
        content = self.read.get((kind, key))
        if content is None:
            return None
        resource: dict[str, Any] = orjson.loads(content)
        return resource

    def why_unread(self, kind: Kind, key: Key) -> str:
        """Return why a resource was not read."""
        return self.unread.get((kind, key), self.otherwise)


NOTHING_READ = CurrentResources()
