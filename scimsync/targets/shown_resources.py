"""What a response shows of a resource, and whether that proves what a request did."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from scimsync.jsontext import json_text
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Kind, RemoteId, fold_name
from scimsync.scim.attributes import (
    is_unassigned,
    member_ids,
    read,
    resource_id,
    spelled,
    usable_id,
)
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import project
from scimsync.targets.evidence import (
    Answer,
    IdOfAnother,
    Purpose,
    UnprovenResponse,
    Verdict,
    accepted,
    answer_of,
    verdict,
)

_COLLECTIONS = [one.endpoint.strip("/").lower() for one in RESOURCE_TYPES.values()]

_HAND_REMOVED = 0.1
"""The share of a group's known members that others may have removed at the target."""


_MAX_HAND_REMOVED = 3
"""Their largest number: where more are missing, the list of a large group is cut."""


def check_change(
    request: ScimRequest,
    response: ScimResponse,
    remote_id: str,
    sent: Mapping[str, object],
    known: tuple[Kind, Sequence[Mapping[str, object]]] | None = None,
) -> None:
    """Raise UnprovenResponse unless a successful response proves the change of a resource.

    `sent` are the attributes that were sent. Of the values that the body shows, only `active` and
    `userName` count: a target may write others its own way. `known` are the kind of the resource
    and the documents that it may have held; raise IdOfAnother if it belongs to someone else.
    """
    if answer_of(response) is Answer.ACCEPTED:
        raise accepted(request, response)
    if response.resource_id not in (None, remote_id):
        raise UnprovenResponse(
            f"{request}: the answer shows the resource {response.resource_id}",
            Answer.OTHER_RESOURCE,
        )
    if known is not None:
        kind, documents = known
        check_owner(request, response.body, kind, [*documents, sent])
    why = contradiction(response.body, sent)
    if why is not None:
        raise UnprovenResponse(f"{request}: {why}", Answer.CONTRADICTION)


def check_read(request: ScimRequest, response: ScimResponse, remote_id: str) -> None:
    """Raise UnprovenResponse unless a successful response to a read shows the resource."""
    if verdict(response, Purpose.READ) is not Verdict.DONE:
        raise UnprovenResponse(
            f"{request}: {response.status} without a resource", answer_of(response)
        )
    if response.resource_id not in (None, remote_id):
        raise UnprovenResponse(
            f"{request}: the answer shows the resource {response.resource_id}",
            Answer.OTHER_RESOURCE,
        )


def hidden_name(kind: Kind, remote_id: str, resource: Mapping[str, object]) -> str | None:
    """Return which of its id and its required name a resource does not show.

    The answer is None for one that shows both. Anything else proves nothing about the resource.
    """
    if resource_id(resource) != remote_id:
        return "id"
    name = UNIQUE_ATTRIBUTE[kind]
    return name if is_unassigned(read(resource, name)) else None


def check_whole(kind: Kind, remote_id: str, resource: Mapping[str, object]) -> None:
    """Raise UnprovenResponse unless what was read shows the id and required name of a resource.

    Written back as a whole, anything else would remove what it does not show.
    """
    hidden = hidden_name(kind, remote_id, resource)
    if hidden is not None:
        raise UnprovenResponse(
            f"the {kind.noun} is shown without {hidden}, so that it cannot be written as a whole",
            Answer.OTHER_RESOURCE,
        )


def check_members_shown(known: Collection[str], group: Mapping[str, object]) -> None:
    """Raise UnprovenResponse unless a group shows the members that it is known to have.

    Writing the whole list or group would remove the members that are not shown. A few may have been
    removed at the target.
    """
    hidden = hidden_members(known, group)
    few = min(max(1, len(known) * _HAND_REMOVED), _MAX_HAND_REMOVED)
    if hidden and (hidden == len(known) or hidden > few):
        raise UnprovenResponse(
            f"the group shows {len(known) - hidden} of its {len(known)} known members, so that it"
            " cannot be written as a whole",
            Answer.MEMBERS_HIDDEN,
        )


def check_members(
    request: ScimRequest,
    response: ScimResponse,
    removed: Mapping[str, str],
    added: Mapping[str, str],
) -> None:
    """Raise UnprovenResponse if a group, as a response shows it, contradicts a change of members.

    `removed` and `added` are the names of members for messages, by id. That an added member is not
    shown proves nothing yet: some targets cut long lists. No list at all, or an empty one, is no
    contradiction: some never show members.
    """
    held = set(member_ids(response.body or {}))
    if not held:
        return
    kept = [name for one, name in removed.items() if one in held]
    missing = [name for one, name in added.items() if one not in held]
    if kept or missing:
        what = f"{kept[0]} is still a member" if kept else f"{missing[0]} is no member"
        others = len(kept) + len(missing) - 1
        more = f", and {others} more differ" if others else ""
        raise UnprovenResponse(
            f"{request}: the answer shows that {what}{more}", Answer.OTHER_MEMBERS
        )


def hidden_members(known: Collection[str], group: Mapping[str, object]) -> int:
    """Return how many of its known members a group does not show."""
    shown = set(member_ids(group))
    return sum(one not in shown for one in known)


def contradiction(shown: Mapping[str, object] | None, sent: Mapping[str, object]) -> str | None:
    """Return how a resource that a target shows contradicts `active` or `userName` as sent."""
    if shown is None:
        return None
    active = read_active(read(shown, "active"))
    if isinstance(sent.get("active"), bool) and active not in (None, sent["active"]):
        return f"the answer shows active {json_text(read(shown, 'active'))}"
    name = _another_name(shown, sent, "userName")
    return None if name is None else f"the answer shows userName {name!r}"


def shows_another(
    shown: Mapping[str, object] | None, sent: Mapping[str, object], kind: Kind
) -> str | None:
    """Return how the response to a creation shows a different resource than was sent.

    Its externalId decides where it is the one that was sent, or else userName or displayName.
    """
    if shown is None:
        return None
    external_id = sent.get("externalId")
    if external_id is not None and read(shown, "externalId") == external_id:
        return None
    unique = UNIQUE_ATTRIBUTE[kind]
    name = _another_name(shown, sent, unique)
    if name is None:
        return None
    return f"the target answered with another {kind.noun}: {unique} {name!r}"


def belongs_to_another(
    shown: Mapping[str, object] | None, known: Sequence[Mapping[str, object]], kind: Kind
) -> str | None:
    """Return whose a resource is now, if its id was given to another user or group, or None.

    `known` are documents that it may hold. Only an externalId and a unique name that both belong to
    someone else show it: a name alone may have been changed by hand.
    """
    if shown is None:
        return None
    unique = UNIQUE_ATTRIBUTE[kind]
    for attribute in ("externalId", unique):
        held = fold_name(read(shown, attribute))
        expected = {fold_name(document.get(attribute)) for document in known}
        if held is None or held in expected or expected == {None}:
            return None
    return f"{unique} {read(shown, unique)!r}"


def check_owner(
    request: ScimRequest,
    shown: Mapping[str, object] | None,
    kind: Kind,
    known: Sequence[Mapping[str, object]],
    *,
    before_write: bool = False,
) -> None:
    """Raise IdOfAnother if a resource that a target shows is someone else's.

    `known` are documents that it may hold, and `before_write` is passed on.
    """
    whose = belongs_to_another(shown, known, kind)
    if whose is not None:
        raise IdOfAnother(f"{request}: this id belongs to {whose} now", before_write=before_write)


def _another_name(
    shown: Mapping[str, object], sent: Mapping[str, object], attribute: str
) -> str | None:
    """Return the name that a resource shows, if another one was sent."""
    name, wanted = read(shown, attribute), sent.get(attribute)
    differs = isinstance(wanted, str) and fold_name(name) != fold_name(wanted)
    return name if isinstance(name, str) and differs else None


def read_active(value: object) -> bool | None:
    """Return the value of `active` in a resource, or None if there is none.

    Some targets write texts or numbers: "False", 0, "inactive" (RFC 7643 section 2.3.2 has booleans
    only).
    """
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "1", "active", "enabled", "yes"):
        return True
    return False if word in ("false", "0", "inactive", "disabled", "no") else None


def active_of(resource: Mapping[str, object]) -> bool | None:
    """Return `active` of a resource, or None if it is absent. Null counts as False."""
    name = spelled(resource, "active")
    if name is None:
        return None
    return False if resource[name] is None else read_active(resource[name])


def held_document(resource: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Return the values of a resource at `paths`, with `active` as a boolean where it is one."""
    wanted = list(paths)
    held = project(resource, wanted)
    if "active" in wanted and (active := active_of(resource)) is not None:
        held["active"] = active
    return held


def created_id(response: ScimResponse) -> RemoteId | None:
    """Return the id of a created resource (RFC 7644 section 3.3).

    It comes from the body, or else from the last part of Location, unless that is the collection.
    """
    if response.resource_id:
        return RemoteId(response.resource_id)
    if response.location:
        last = urlsplit(response.location).path.rstrip("/").rpartition("/")[2]
        remote_id = usable_id(unquote(last)) if last.lower() not in _COLLECTIONS else None
        return RemoteId(remote_id) if remote_id is not None else None
    return None
