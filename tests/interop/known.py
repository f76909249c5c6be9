"""What servers do not do as the RFCs say, and what they do not offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Fault:
    """A fault of a server: the section that it does not follow, and what it does instead.

    With `silent`, scimsync cannot notice it.
    """

    section: str
    what: str
    silent: bool = False


FAULTS: Final[dict[tuple[str, str], Fault]] = {}
"""(server, scenario) -> fault. A test fails once the fault no longer occurs."""
