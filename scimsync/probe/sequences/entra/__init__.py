"""What the provisioning service of Microsoft Entra ID sends.

MicrosoftDocs/entra-docs, docs/identity/app-provisioning, read 2026-11-29:

- use-scim-to-provision-users-and-groups.md (2025-03-04): test of the connection, users, groups,
  members, `externalId eq jyoung` without quotes, `excludedAttributes=members`, references that are
  looked up by a filter.
- application-provisioning-config-problem-scim-compatibility.md (2025-04-15): what the flag
  `aadOptscim062020` of the tenant URL changes: how users are disabled, values are added, several
  values are replaced, and members are removed.
- customize-application-attributes.md: roles of the three mappings SingleAppRoleAssignment,
  AppRoleAssignmentsComplex, and AssertiveAppRoleAssignmentsComplex.

No page shows how a manager is sent with the path of the extension; Captain-P-Goldfish/SCIM-SDK #686
(2024-07-09) has such a request: a text. The User-Agent is not published.

`entra-legacy` is the service without the flag, which is the default, and `entra` the one with it.
Three forms of disabling a user are published: the text "False", a boolean with `replace`, and a
boolean with `Replace`. `entra-legacy` sends the first and the third, `entra` the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scimsync import __version__
from scimsync.probe.judges import status
from scimsync.probe.sequence import GROUPS, MadeResource, ProviderSequence, Send, Step, expect, then
from scimsync.probe.sequences.entra.group_requests import group_steps
from scimsync.probe.sequences.entra.role_requests import role_steps
from scimsync.probe.sequences.entra.style import Style
from scimsync.probe.sequences.entra.user_requests import user_steps

_COMPLIANT: Final = Style(
    "entra", "Microsoft Entra ID (aadOptscim062020)", (("aadOptscim062020", None),), capital=False
)
_LEGACY: Final = Style("entra-legacy", "Microsoft Entra ID", (), capital=True)


def _sequence(style: Style) -> ProviderSequence:
    return ProviderSequence(
        name=style.name,
        title=style.title,
        user_agent=f"scimsync-probe/{__version__}",
        headers=(
            ("Accept", "application/scim+json"),
            ("Content-Type", "application/scim+json; charset=utf-8"),
        ),
        resources=(
            MadeResource("user"),
            MadeResource("boss"),
            MadeResource("single"),
            MadeResource("several"),
            MadeResource("group", GROUPS),
        ),
        steps=(*user_steps(style), *role_steps(style), *group_steps(style), *_ends(style)),
    )


def _ends(style: Style) -> Iterator[Step]:
    yield Step(
        "Delete the group",
        Send("DELETE", "/Groups/{group}", query=style.query()),
        (expect("group-delete", status(204, 200)),),
        part="groups",
    )
    yield Step(
        "Delete the user",
        Send("DELETE", "/Users/{user}", query=style.query()),
        (expect("delete", status(204, 200)),),
        then=then("user", expect("delete", status(404))),
    )


ENTRA: Final = _sequence(_COMPLIANT)
ENTRA_LEGACY: Final = _sequence(_LEGACY)
