"""Judges of lists and their pages."""

from __future__ import annotations

from scimsync.jsontext import json_text
from scimsync.probe.answers import ProbeResponse
from scimsync.probe.judges import LIST_SCHEMA, list_response
from scimsync.probe.memory import Memory
from scimsync.probe.sequence import Judge
from scimsync.scim.attributes import read, resource_id


def list_in_form(answer: ProbeResponse, memory: Memory) -> str | None:
    """Demand the schema of list responses, and numbers that are integers (RFC 7644 3.4.2).

    startIndex and itemsPerPage are demanded only of a page that is not empty.
    """
    if (problem := list_response(answer, memory)) is not None:
        return problem
    schemas = answer["schemas"]
    if not isinstance(schemas, list) or LIST_SCHEMA not in schemas:
        return f"schemas of the list does not contain {LIST_SCHEMA}"
    needed = ("totalResults", "startIndex", "itemsPerPage") if answer.listed else ("totalResults",)
    for name in needed:
        found = answer[name]
        if not isinstance(found, int) or isinstance(found, bool):
            return f"{name} is {'missing' if found is None else json_text(found)}, not an integer"
    return None


def page_of(count: int) -> Judge:
    """Return the judge that demands exactly this number of resources."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        found = len(answer.listed)
        return None if found == count else f"{found} resources on the page instead of {count}"

    return judge


def total_of_at_least(count: int) -> Judge:
    """Return the judge that demands a totalResults of at least `count`."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        found = answer["totalResults"]
        if str(found).isdecimal() and int(found) >= count:
            return None
        return f"totalResults is {json_text(found)}, and there are {count} resources or more"

    return judge


def another_page_than(name: str) -> Judge:
    """Return the judge that demands resources, without the one called `name`."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        if not answer.listed:
            return "no resources on the second page"
        if memory.id(name) in [resource_id(one) for one in answer.listed]:
            return "the second page has the resources of the first one"
        return None

    return judge


def includes(*names: str) -> Judge:
    """Return the judge that demands the resources called `names`, among others."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        found = [resource_id(one) for one in answer.listed]
        if all(memory.id(name) in found for name in names):
            return None
        return f"{len(found)} resources in the list, without the one that matches"

    return judge


def excludes(*names: str) -> Judge:
    """Return the judge that demands a list without the resources called `names`."""

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        found = [resource_id(one) for one in answer.listed]
        wrong = [name for name in names if memory.id(name) in found]
        return "a resource that does not match is in the list" if wrong else None

    return judge


def first_id(answer: ProbeResponse) -> str | None:
    """Return the id of the first resource of a list."""
    return resource_id(answer.listed[0]) if answer.listed else None


def has_first(*paths: str) -> Judge:
    """Return the judge that demands a first resource with values at dotted `paths`.

    A multi-valued attribute counts by its first element.
    """

    def judge(answer: ProbeResponse, memory: Memory) -> str | None:
        if (problem := list_response(answer, memory)) is not None:
            return problem
        if not answer.listed:
            return "there is no user in the list"
        missing = [path for path in paths if _value(answer.listed[0], path) in (None, "", [])]
        return f"the first user has no {', '.join(missing)}" if missing else None

    return judge


def _value(resource: object, path: str) -> object:
    held = resource
    for name in path.split("."):
        if isinstance(held, list):
            held = held[0] if held else None
        held = read(held, name) if isinstance(held, dict) else None
    return held
