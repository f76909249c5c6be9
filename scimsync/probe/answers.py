"""A response as the judges see it: with its parsed body, and with secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scimsync.scim.attributes import read


@dataclass(frozen=True, slots=True)
class ProbeResponse:
    """A response. `status` is None if no complete response arrived.

    `body` is the parsed JSON, None for none; `content` is how the response was sent. `problem` says
    why it could not be used. `reached` is False if the request cannot have reached the server.
    `seconds` is how long the response took.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    body: Any = None
    problem: str = ""
    reached: bool = True
    seconds: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the status is one of success."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def document(self) -> Mapping[str, Any] | None:
        """The body, if it is a JSON object."""
        return self.body if isinstance(self.body, dict) else None

    @property
    def listed(self) -> list[Mapping[str, Any]]:
        """The resources of a list response."""
        found = read(self.document or {}, "Resources")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def __getitem__(self, name: str) -> Any:
        """Return an attribute of the body, whatever the case of its name; None if it has none."""
        return read(self.document or {}, name)
