"""What servers do not do as the RFCs say, and what they do not offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Known:
    """Why a scenario does not succeed: the section of the RFC, and what the server does.

    `optional` says that the section leaves it to the server. With `silent`, no answer of the server
    shows it, so that scimsync ends with exit code 0.
    """

    section: str
    what: str
    optional: bool = False
    silent: bool = False


_NO_EXTENSION = Known(
    "RFC 7643 section 4.3", "has no enterprise extension, and refuses it", optional=True
)

KNOWN: Final[dict[tuple[str, str], Known]] = {
    ("django-scim2-server", "delete"): Known(
        "RFC 7644 section 3.6", "deactivates instead, and still shows the account", silent=True
    ),
    ("django-scim2-server", "deleted by hand"): Known(
        "RFC 7644 section 3.6",
        "shows the deleted account, inactive, so that nobody finds it gone",
        silent=True,
    ),
    ("django-scim2-server", "manager"): _NO_EXTENSION,
    ("django-scim2-server", "extension attributes"): _NO_EXTENSION,
}
"""(server, scenario) -> why. A test fails once it no longer occurs."""

NOT_YET: Final[frozenset[tuple[str, str]]] = frozenset(
    {(server, "PUT") for server in ("scim2-server", "better-auth", "django-scim2-server")}
    | {(server, name) for server in ("scimmy", "scimmy-express5") for name in ("manager", "PUT")}
    | {
        ("django-scim2", name)
        for name in (
            "rename", "swap", "groups by rule", "groups by value", "large group", "manager",
            "extension attributes", "adopt by externalId", "adopt by userName", "lost state",
            "paging", "409", "PUT", "no filter",
        )
    }
)  # fmt: skip
"""(server, scenario) that scimsync does not manage, though the server could."""
