"""Judges of responses. Each says what is wrong, or None. Values may contain placeholders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scimsync.jsontext import json_text
from scimsync.probe.answers import ProbeResponse
from scimsync.probe.memory import Memory
from scimsync.probe.sequence import Judge
from scimsync.scim.attributes import member_ids, read, resource_id, same_value
from scimsync.scim.error_body import ERROR_SCHEMA
from scimsync.scim.resources import value_at

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def status(*allowed: int) -> Judge:
    """Return the judge that demands one of these statuses."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        if answer.status is None:
            return answer.problem
        if answer.status in allowed:
            return None
        return f"status {answer.status} instead of {' or '.join(map(str, allowed))}"

    return judge


def accepted(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand a status of success."""
    if answer.status is None:
        return answer.problem
    return None if answer.accepted else f"refused with status {answer.status}"


def has_id(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand an `id` that is a text."""
    if answer.document is None:
        return "no resource in the response"
    found = answer["id"]
    if found is None:
        return "no id in the response"
    if not isinstance(found, str):
        return f"the id {json_text(found)} is not a text"
    return None if resource_id(answer.document) else f"the id {json_text(found)} cannot be used"


def holds(path: str, value: Any) -> Judge:
    """Return the judge that demands `value` at a SCIM path of the resource; None: no value."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if answer.document is None:
            return "no resource in the response"
        wanted = memory.fill(value)
        found = value_at(answer.document, path)
        if same_value(found, wanted) or _same_elements(found, wanted):
            return None
        shown = "not there" if found is None else json_text(found)
        wish = "no value" if wanted is None else json_text(wanted)
        return f"{path} is {shown} instead of {wish}"

    return judge


def unchanged(path: str, refused: Any) -> Judge:
    """Return the judge that demands that a value of a refused request was not stored."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        found = value_at(answer.document or {}, path)
        if not same_value(found, refused):
            return None
        return f"{path} is {json_text(found)}: the refused request has changed the resource"

    return judge


def _same_elements(found: Any, wanted: Any) -> bool:
    """Whether two lists of objects agree in all that `wanted` says; a server may add to them."""
    if not isinstance(found, list) or not isinstance(wanted, list) or len(found) != len(wanted):
        return False
    return all(
        any(
            isinstance(one, Mapping)
            and isinstance(wish, Mapping)
            and all(same_value(read(one, key), item) for key, item in wish.items())
            for one in found
        )
        for wish in wanted
    )


def active(wanted: bool) -> Judge:
    """Return the judge that demands this state, in any spelling: `active_boolean` has another."""

    def judge(answer: ProbeResponse, _memory: Memory) -> str | None:
        if answer.document is None:
            return "no resource in the response"
        found = answer["active"]
        if str(found).casefold() == str(wanted).casefold():
            return None
        shown = "not there" if found is None else json_text(found)
        return f"active is {shown} instead of {json_text(wanted)}"

    return judge


def active_boolean(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand that `active` is a JSON boolean, if the response shows it."""
    found = answer["active"]
    if found is None or isinstance(found, bool):
        return None
    return f"active is {json_text(found)}, which is not a boolean"


def lists(*names: str) -> Judge:
    """Return the judge that demands a list of exactly the resources called `names`."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        found = [resource_id(one) for one in answer.listed]
        wanted = [memory.id(name) for name in names]
        for one in wanted:
            if one not in found:
                return f"{_counted(found)} instead of the resource {one}"
        others = len(found) - len(wanted)
        return f"{_counted(found)}, {others} of which do not match the filter" if others else None

    return judge


def lists_nothing(answer: ProbeResponse, memory: Memory) -> str | None:
    """Demand an empty list, with status 200."""
    if answer.status is not None and answer.status != 200:
        return f"status {answer.status} instead of 200 with an empty list"
    if (problem := list_response(answer, memory)) is not None:
        return problem
    return f"{_counted(answer.listed)} instead of none" if answer.listed else None


def list_response(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand status 200 and a list; `Resources` may be missing from an empty one."""
    if answer.status is None:
        return answer.problem
    if answer.status != 200:
        return f"status {answer.status} instead of 200"
    if answer.document is None:
        return "the response is not a JSON object"
    if answer["totalResults"] is None:
        return "totalResults is missing"
    return None


def scim_error(answer: ProbeResponse, _memory: Memory) -> str | None:
    """Demand a body in the form of SCIM errors (RFC 7644 section 3.12), whatever the status."""
    if answer.document is None:
        return "the error has no JSON object as body"
    schemas = answer["schemas"]
    found = [str(one).lower() for one in schemas] if isinstance(schemas, list) else []
    if ERROR_SCHEMA not in found:
        return "schemas of the error does not contain urn:ietf:params:scim:api:messages:2.0:Error"
    shown = answer["status"]
    if str(shown) != str(answer.status):
        return f"status in the body is {json_text(shown)} instead of {answer.status}"
    return None


def has_members(*names: str) -> Judge:
    """Return the judge that demands these members, among others."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        found = member_ids(answer.document or {})
        missing = [name for name in names if memory.id(name) not in found]
        return f"{_of(missing, names)} not in the group" if missing else None

    return judge


def lacks_members(*names: str) -> Judge:
    """Return the judge that demands that these are no members."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if answer.document is None:
            return "no resource in the response"
        found = member_ids(answer.document)
        left = [name for name in names if memory.id(name) in found]
        return f"{_of(left, names)} still in the group" if left else None

    return judge


def _of(part: Sequence[str], names: Sequence[str]) -> str:
    """Return `1 of 2 members is` or `the member is`."""
    if len(names) == 1:
        return "the member is"
    return f"{len(part)} of {len(names)} members {'is' if len(part) == 1 else 'are'}"


def _counted(found: list[Any]) -> str:
    return f"{len(found)} resource{'' if len(found) == 1 else 's'} in the list"
