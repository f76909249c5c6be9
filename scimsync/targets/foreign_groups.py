"""Tell a group that was created again from another one that has the same name.

A name alone proves little: others may create a group of that name after somebody deleted ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from scimsync.model.ids import RemoteId
from scimsync.scim.attributes import member_ids, read


def is_foreign(
    group: Mapping[str, Any], document: Mapping[str, object], put_members: Collection[RemoteId]
) -> bool:
    """Return whether a group that was found by its name contradicts what ours held.

    `document` is what our group held, and `put_members` are the ids of its members. Another
    externalId contradicts, and a member that scimsync did not put there.
    """
    return has_other_external_id(group, document) or not {*member_ids(group)} <= {*put_members}


def has_other_external_id(group: Mapping[str, Any], document: Mapping[str, object]) -> bool:
    """Return whether a group shows an externalId that is not the one in `document`."""
    shown = read(group, "externalId")
    return shown not in (None, "") and shown != document.get("externalId")
