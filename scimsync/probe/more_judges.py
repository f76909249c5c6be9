"""Judges of single properties that few checks need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scimsync.jsontext import json_text
from scimsync.probe.answers import ProbeResponse
from scimsync.probe.judges import list_response
from scimsync.probe.memory import Memory
from scimsync.probe.sequence import Judge
from scimsync.scim.attributes import read

_ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def takes_media_type(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand that the request is not refused because of its Content-Type (status 415)."""
    return "status 415: application/scim+json is refused" if answer.status == 415 else None


def no_server_error(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand that the response to a wrong request does not say that the server is at fault."""
    if answer.status is not None and answer.status >= 500:
        return f"status {answer.status} instead of one that begins with 4"
    return None


def manager_is(name: str) -> Judge:
    """Return the judge that demands the user called `name` as manager, as object or as text."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if answer.document is None:
            return "no resource in the response"
        extension = read(answer.document, _ENTERPRISE)
        found = read(extension, "manager") if isinstance(extension, Mapping) else None
        held = read(found, "value") if isinstance(found, Mapping) else found
        if held is not None and str(held) == memory.id(name):
            return None
        shown = "not there" if held is None else json_text(held)
        return f"the manager is {shown} instead of {memory.id(name)}"

    return judge


def no_manager(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand that there is no manager, or one without a value."""
    extension = read(answer.document or {}, _ENTERPRISE)
    found = read(extension, "manager") if isinstance(extension, Mapping) else None
    held = read(found, "value") if isinstance(found, Mapping) else found
    return f"the manager is still {json_text(held)}" if held else None


def shows_no_members(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand a resource, or a list of them, without members."""
    shown = [answer.document or {}, *answer.listed]
    if any(read(one, "members") for one in shown):
        return "the members are in the response"
    return None


def shows_members(count: int) -> Judge:
    """Return the judge that demands this number of members."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        members = answer["members"] or []
        found = len(members) if isinstance(members, list) else 1
        return None if found == count else f"{found} members instead of {count}"

    return judge


def error_type(name: str) -> Judge:
    """Return the judge that demands a `scimType` (RFC 7644 section 3.12)."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        found = answer["scimType"]
        if found == name:
            return None
        shown = "missing" if found is None else json_text(found)
        return f"scimType is {shown} instead of {json_text(name)}"

    return judge


def declares(path: str, wanted: Any) -> Judge:
    """Return the judge that demands a value of an attribute and a sub-attribute."""
    name, _, sub = path.partition(".")

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        held = answer[name]
        found = read(held, sub) if sub and isinstance(held, Mapping) else held
        return None if found == wanted else f"{path} is {json_text(found)}"

    return judge


def ids_are_names(answer: ProbeResponse, memory: Memory) -> str | None:
    """Demand resource types whose `id` is their `name`."""
    if (problem := list_response(answer, memory)) is not None:
        return problem
    wrong = [one for one in answer.listed if read(one, "id") != read(one, "name")]
    return f"the id of {json_text(read(wrong[0], 'name'))} is another text" if wrong else None


def declares_schemas(*urns: str) -> Judge:
    """Return the judge that demands a list of schemas with these among them."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        found = {str(read(one, "id")).casefold() for one in answer.listed}
        missing = [one for one in urns if one.casefold() not in found]
        return f"{missing[0]} is missing" if missing else None

    return judge
