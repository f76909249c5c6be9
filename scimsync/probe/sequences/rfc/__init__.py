"""What a client may send by RFC 7643 and RFC 7644 alone.

Its order is: discovery, users, lists and filters, changes of users, groups, the end of all.
Features that a server declares as unsupported (`supported = false` in /ServiceProviderConfig) are
not checked.
"""

from __future__ import annotations

from typing import Final

from scimsync.probe.sequence import GROUPS, MadeResource, ProviderSequence
from scimsync.probe.sequences.rfc.change_steps import CHANGES
from scimsync.probe.sequences.rfc.discovery_steps import DISCOVERY
from scimsync.probe.sequences.rfc.end_steps import ENDS
from scimsync.probe.sequences.rfc.group_steps import GROUP_STEPS
from scimsync.probe.sequences.rfc.list_steps import LISTS
from scimsync.probe.sequences.rfc.user_steps import USER_STEPS

RFC: Final = ProviderSequence(
    name="rfc",
    title="RFC 7643 and 7644",
    user_agent="scimsync-probe",
    headers=(("Accept", "application/scim+json"), ("Content-Type", "application/scim+json")),
    resources=(
        MadeResource("user"),
        MadeResource("other"),
        MadeResource("extended"),
        MadeResource("group", GROUPS),
        MadeResource("team", GROUPS),
    ),
    steps=(*DISCOVERY, *USER_STEPS, *LISTS, *CHANGES, *GROUP_STEPS, *ENDS),
)
