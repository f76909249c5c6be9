"""Judges of the form of responses: headers, meta, declarations, what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from scimsync.jsontext import json_text
from scimsync.probe.answers import ProbeResponse
from scimsync.probe.judges import list_response
from scimsync.probe.memory import Memory
from scimsync.probe.sequence import Judge
from scimsync.scim.attributes import is_unassigned, read, resource_id

_FEATURES: Final = ("patch", "bulk", "filter", "changePassword", "sort", "etag")


def scim_media_type(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand the media type of SCIM, if there is a body (RFC 7644 section 3.1)."""
    if not answer.content.strip():
        return None
    found = answer.headers.get("Content-Type", "")
    if found.partition(";")[0].strip().lower() == "application/scim+json":
        return None
    return f"Content-Type is {found}" if found else "no Content-Type"


def has_location(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand a Location that ends with the id, if the body shows one."""
    found = answer.headers.get("Location")
    if not found:
        return "no header Location"
    shown = resource_id(answer.document or {})
    if shown is not None and not found.rstrip("/").endswith((shown, quote(shown, safe=""))):
        return f"Location is {found}, which does not end with the id"
    return None


def has_meta(kind: str) -> Judge:
    """Return the judge that demands meta with this resourceType, and a location."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        meta = answer["meta"]
        if not isinstance(meta, Mapping):
            return "no meta in the resource"
        found = read(meta, "resourceType")
        if found != kind:
            shown = "missing" if found is None else json_text(found)
            return f"meta.resourceType is {shown} instead of {json_text(kind)}"
        return None if read(meta, "location") else "meta.location is missing"

    return judge


def has_detail(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand a `detail` in an error."""
    found = answer["detail"]
    return None if isinstance(found, str) and found else "no detail in the error"


def says_what_is_supported(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand a ServiceProviderConfig with a boolean `supported` for each feature."""
    if answer.status != 200:
        return f"status {answer.status} instead of 200"
    for name in _FEATURES:
        feature = answer[name]
        if not isinstance(feature, Mapping):
            return f"{name} is missing"
        if not isinstance(read(feature, "supported"), bool):
            return f"{name}.supported is not a boolean"
    return None


def lists_values(attribute: str, *wanted: str) -> Judge:
    """Return the judge that demands a list with elements of these values, in any case."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        found = {str(read(one, attribute)).casefold() for one in answer.listed}
        missing = [one for one in wanted if one.casefold() not in found]
        return f"no element whose {attribute} is {missing[0]}" if missing else None

    return judge


def shows_only(*attributes: str) -> Judge:
    """Return the judge that demands these attributes, and beside them only id and schemas."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        if answer.document is None:
            return "no resource in the response"
        allowed = {one.casefold() for one in (*attributes, "id", "schemas", "meta")}
        more = [name for name in answer.document if name.casefold() not in allowed]
        if more:
            return f"{more[0]} is in the response"
        missing = [name for name in attributes if answer[name] is None]
        return f"{missing[0]} is not in the response" if missing else None

    return judge


def shows_no(attribute: str) -> Judge:
    """Return the judge that demands a resource, or a list of them, without an attribute."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        if not answer.accepted:
            return f"status {answer.status} instead of 200"
        shown: list[Any] = [answer.document or {}, *answer.listed]
        held = any(not is_unassigned(read(one, attribute)) for one in shown)
        return f"{attribute} is in the response" if held else None

    return judge


def hides(attribute: str) -> Judge:
    """Return the judge that allows any response but a resource with this attribute."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        return None if answer[attribute] is None else f"{attribute} is in the response"

    return judge


def has_member_once(name: str) -> Judge:
    """Return the judge that demands the member called `name` exactly once."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        members = answer["members"]
        found = [one for one in members if isinstance(one, Mapping)] if members else []
        count = sum(read(one, "value") == memory.id(name) for one in found)
        return None if count == 1 else f"the group has the member {count} times"

    return judge


def in_group(name: str) -> Judge:
    """Return the judge that demands that a user shows the group called `name`."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        groups = answer["groups"]
        found = [one for one in groups if isinstance(one, Mapping)] if groups else []
        shown = any(read(one, "value") == memory.id(name) for one in found)
        return None if shown else "the user does not show the group"

    return judge


def refused(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand status 400."""
    if answer.status is None:
        return answer.problem
    return None if answer.status == 400 else f"status {answer.status} instead of 400"


def faster_than(seconds: float) -> Judge:
    """Return the judge that demands a response within this time."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        if answer.seconds <= seconds:
            return None
        return f"the response took {answer.seconds:.1f} s"

    return judge
