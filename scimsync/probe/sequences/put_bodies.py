"""Bodies of PUT: a resource as the server has shown it, with some attributes changed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from scimsync.probe.memory import Memory
from scimsync.scim.attributes import spelled


@dataclass(frozen=True, slots=True)
class Changed:
    """The resource called `name` with `changes`, by dotted names such as `name.givenName`.

    Attributes that are not in `changes` are sent as the server has shown them. A change to None
    leaves the attribute out. Values may contain placeholders.
    """

    name: str
    changes: Mapping[str, Any]

    @property
    def needs(self) -> tuple[str, ...]:
        """The resource itself."""
        return (self.name,)

    def __call__(self, memory: Memory, /) -> Mapping[str, Any]:
        """Return the changed resource."""
        body = deepcopy(dict(memory.document(self.name)))
        for path, value in self.changes.items():
            *parents, last = path.split(".")
            holder = body
            for parent in parents:
                holder = holder.setdefault(spelled(holder, parent) or parent, {})
            key = spelled(holder, last) or last
            if value is None:
                holder.pop(key, None)
            else:
                holder[key] = memory.fill(value)
        return body
