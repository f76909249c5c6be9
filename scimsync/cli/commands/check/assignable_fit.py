"""Whether the roles and entitlements of users exist at a target, with seats left for them.

See draft-ietf-scim-roles-entitlements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.cli.commands.check.check_results import CheckResult, Subject, untold
from scimsync.cli.commands.check.mapped_values import MappedValues, ValueCount, assignable_attribute
from scimsync.formatting import plural
from scimsync.model.ids import Document
from scimsync.model.service_provider import Assignable, AssignableList, Discovery
from scimsync.scim.discovery import ASSIGNABLE

_SHOWN = 10

Documents = Callable[[], Iterator[Document]]
"""Returns the documents of the active accounts that are known."""


@dataclass(frozen=True, slots=True)
class _Assigned:
    """How many users should have a value, and the key of the first of them."""

    value: str
    first: str
    number: int


def assignable_paths(paths: Sequence[str]) -> dict[str, list[str]]:
    """Return those of the mapped `paths` that hold roles or entitlements, by attribute."""
    found: dict[str, list[str]] = {}
    for path in paths:
        attribute = assignable_attribute(path)
        if attribute is not None:
            found.setdefault(attribute, []).append(path)
    return found


def check_assignable(
    subject: Subject,
    discovery: Discovery,
    mapped: Mapping[str, Sequence[str]],
    values: MappedValues,
    documents: Documents,
) -> Iterator[CheckResult]:
    """Compare the roles and entitlements of users with those that the target lists.

    `mapped` are the paths of `assignable_paths`.
    """
    for attribute, paths in mapped.items():
        counts = [each for path in paths for each in values.values(path)]
        assigned = _assigned(counts)
        yield from _support(subject, discovery, attribute, counts)
        listed: AssignableList | None = getattr(discovery, attribute)
        if listed is None and getattr(discovery.capabilities, attribute).supported is not True:
            continue  # few service providers list them, and most say nothing about it
        if listed is None:
            why = discovery.untold.get(ASSIGNABLE[attribute], "they were not read")
            yield untold(subject, f"whether its {attribute} exist", why)
            continue
        known = {name.casefold(): one for one in listed.items for name in one.names}
        yield from _unknown(subject, attribute, assigned, known, listed)
        existing = {one.value: known.get(one.value.casefold()) for one in assigned}
        yield from _seats(subject, attribute, assigned, existing, paths, documents)


def _support(
    subject: Subject, discovery: Discovery, attribute: str, counts: Sequence[ValueCount]
) -> Iterator[CheckResult]:
    """Warn about roles or entitlements that the target declares as unsupported."""
    can = getattr(discovery.capabilities, attribute)
    if can.supported is False:
        yield subject.warning(f"declares that it does not support {attribute}", code="SYNC-0441")
    several = sum(each.number for each in counts if len(_texts(each.value)) > 1)
    if can.multiple is False and several:
        have = plural(several, "user has", "users have")
        yield subject.warning(
            f"takes one of its {attribute} for each user, and {have} several", code="SYNC-0441"
        )


def _unknown(
    subject: Subject,
    attribute: str,
    assigned: Sequence[_Assigned],
    known: Mapping[str, Assignable],
    listed: AssignableList,
) -> Iterator[CheckResult]:
    unknown = [one for one in assigned if one.value.casefold() not in known]
    if unknown and not listed.is_whole:
        yield untold(subject, f"whether its {attribute} exist", "the target lists only some")
    elif unknown:
        number = plural(len(unknown), f"of its {attribute} does", f"of its {attribute} do")
        yield subject.warning(
            f"{number} not exist at the target", code="SYNC-0440", details=_lines(unknown)
        )
    unsupported = [
        one
        for one in assigned
        if (item := known.get(one.value.casefold())) is not None and item.supported is False
    ]
    if unsupported:
        number = plural(len(unsupported), f"of its {attribute} is", f"of its {attribute} are")
        yield subject.warning(
            f"{number} no longer assigned by the target",
            code="SYNC-0441",
            details=_lines(unsupported),
        )


def _seats(
    subject: Subject,
    attribute: str,
    assigned: Sequence[_Assigned],
    existing: Mapping[str, Assignable | None],
    paths: Sequence[str],
    documents: Documents,
) -> Iterator[CheckResult]:
    """Warn of values for which the target has fewer seats than users who should have them."""
    limited = {
        value: item
        for value, item in existing.items()
        if item is not None and item.permitted is not None
    }
    if not limited:
        return
    held = dict.fromkeys(limited, 0)
    for document in documents():
        for value in {
            text for path in paths for text in _texts(document.get(path))
        } & limited.keys():
            held[value] += 1
    lines = [
        line
        for one in assigned
        if (item := limited.get(one.value)) is not None
        and (line := _missing_seats(one, item, held[one.value])) is not None
    ]
    if lines:
        yield subject.warning(
            f"{plural(len(lines), f'of its {attribute} has', f'of its {attribute} have')} too few"
            " seats",
            code="SYNC-0442",
            details=lines,
        )


def _missing_seats(one: _Assigned, item: Assignable, held: int) -> str | None:
    """Return what is missing, where `held` users are known to have a value already."""
    permitted = item.permitted or 0
    free = permitted - max(item.used or 0, held)
    new = max(one.number - held, 0)
    if one.number <= permitted and new <= free:
        return None
    left = f", {max(free, 0):,} free" if item.used is not None or held else ""
    users, seats = plural(one.number, "user"), plural(permitted, "seat")
    return f"{one.value}: {users}, {held:,} of them have it; {seats}{left}"


def _assigned(counts: Sequence[ValueCount]) -> list[_Assigned]:
    numbers: dict[str, _Assigned] = {}
    for each in counts:
        for text in _texts(each.value):
            before = numbers.get(text)
            number = each.number + (0 if before is None else before.number)
            first = each.first if before is None else before.first
            numbers[text] = _Assigned(text, first, number)
    return list(numbers.values())


def _texts(value: Any) -> list[str]:
    """Return the values of roles or entitlements: of a whole list, or of one element."""
    if isinstance(value, list):
        elements = [item.get("value") if isinstance(item, dict) else item for item in value]
        return list(dict.fromkeys(str(one) for one in elements if one not in (None, "")))
    return [] if value in (None, "") else [str(value)]


def _lines(some: Sequence[_Assigned]) -> list[str]:
    lines = [f"{one.value}: {plural(one.number, 'user')}, first {one.first}" for one in some]
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
