"""What servers do not do as the RFCs say, and what they do not offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Known:
    """Why a scenario does not succeed: the section of the RFC, and what the server does.

    `optional` says that the section leaves it to the server. With `silent`, the server reports
    success, and scimsync ends with exit code 0.
    """

    section: str
    what: str
    optional: bool = False
    silent: bool = False


_NO_EXTENSION = Known(
    "RFC 7643 section 4.3",
    ("does not support the enterprise extension, and refuses it"),
    optional=True,
)

KNOWN: Final[dict[tuple[str, str], Known]] = {
    ("django-scim2", "adopt by externalId"): Known(
        "RFC 7643 section 4.1.2",
        "keeps one e-mail address of an account, without its type, and prefers the old address",
    ),
    ("django-scim2", "PUT"): Known(
        "RFC 7644 section 3.5.1", "ignores the members when a group is replaced"
    ),
    ("django-scim2", "manager"): Known(
        "RFC 7643 section 4.3",
        "does not support the enterprise extension, and ignores it when it creates an account",
        optional=True,
        silent=True,
    ),
    ("django-scim2", "extension attributes"): _NO_EXTENSION,
    ("django-scim2-server", "delete"): Known(
        "RFC 7644 section 3.6", "deactivates instead, and still shows the account", silent=True
    ),
    ("django-scim2-server", "deleted by hand"): Known(
        "RFC 7644 section 3.6",
        "still shows the deleted account, as inactive, so scimsync does not create another",
        silent=True,
    ),
    ("django-scim2-server", "manager"): _NO_EXTENSION,
    ("django-scim2-server", "extension attributes"): _NO_EXTENSION,
}
"""(server, scenario) -> why. A test fails once it no longer occurs."""
