"""Shared mappings: lines that targets, and other mappings, take over with `extends`.

The lines are taken over before the file is validated, so that every later step sees targets with
complete mappings. Messages name the place where a line is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from scimsync.config.mapping import UserMapping
from scimsync.model.did_you_mean import did_you_mean
from scimsync.scim.grammar import PathError
from scimsync.scim.settable import settable_path
from scimsync.settings import Table, Text, invalid
from scimsync.settings.text_types import quoted, toml_type
from scimsync.settings.validation_errors import InvalidSetting

Keys = tuple[str, ...]
Places = Mapping[str, Mapping[str, Keys]]
"""Target -> attribute path -> the keys that lead to its line, for lines that are taken over."""

_EXTENDS = "extends"


def _attributes_beside_extends(schema: dict[str, Any]) -> None:
    """Put the attributes into the table itself, as in the file, not into `attributes`."""
    schema["additionalProperties"] = schema["properties"].pop("attributes")["additionalProperties"]
    schema.pop("required", None)
    schema["minProperties"] = 1


class SharedMapping(Table):
    """`[mappings.NAME]`: lines for the users of every target that extends it."""

    model_config = ConfigDict(json_schema_extra=_attributes_beside_extends)

    extends: Text | None = Field(
        None, description="The mapping from which it takes lines; its own lines replace them"
    )
    attributes: UserMapping = Field(
        description="SCIM attribute path -> value, as in [targets.NAME.user]"
    )

    @model_validator(mode="before")
    @classmethod
    def _attributes_beside(cls, value: Any) -> Any:
        """Collect all keys but `extends` as attributes."""
        if not isinstance(value, dict):
            return value
        for key in value:
            if key != _EXTENDS and key.lower() in ("extend", "extends"):
                hint = did_you_mean(key, [_EXTENDS])
                raise invalid("unknown key", hint=hint, below=(key,), code="SYNC-0106")
        attributes = {key: entry for key, entry in value.items() if key != _EXTENDS}
        return {key: value[key] for key in (_EXTENDS,) if key in value} | {"attributes": attributes}


@dataclass(frozen=True, slots=True)
class ExtendedDocument:
    """A document in which targets have the lines that they take over, and where these are.

    `wrong` is what is wrong with `extends`; the document is then incomplete.
    """

    document: Mapping[str, Any]
    places: Places = field(default_factory=dict)
    wrong: list[InvalidSetting] = field(default_factory=list)

    def moved(self, wrong: list[InvalidSetting]) -> list[InvalidSetting]:
        """Return what is wrong at the place where it is written, and each of it once."""
        moved: dict[tuple[Keys, str], InvalidSetting] = {}
        for each in wrong:
            place = place_of(self.places, each.parts)
            moved.setdefault((place, each.message), replace(each, parts=place))
        return list(moved.values())


def place_of(places: Places, parts: Keys) -> Keys:
    """Return the keys that lead to a value, which may be part of a line that is taken over."""
    if parts[:1] != ("targets",) or parts[2:3] != ("user",) or len(parts) < 4:
        return parts
    place = places.get(parts[1], {}).get(parts[3])
    return parts if place is None else (*place, *parts[4:])


def extend(document: Mapping[str, Any]) -> ExtendedDocument:
    """Give each target of a document the lines of the mappings that it extends.

    A section of mappings that holds anything but tables is left to the validation.
    """
    mappings, targets = _tables(document, "mappings"), _tables(document, "targets")
    if mappings != document.get("mappings", {}):
        return ExtendedDocument(document)
    wrong = [*_wrong("mappings", mappings, mappings), *_cycles(mappings)]
    wrong += _wrong("targets", targets, mappings)
    if wrong:
        return ExtendedDocument(document, wrong=wrong)
    extended, places = {}, {}
    for name, target in targets.items():
        own = target.get("user", {})
        if _EXTENDS not in target or not isinstance(own, dict):
            continue
        lines = _overridden(_lines(target[_EXTENDS], mappings), own, ("targets", name, "user"))
        extended[name] = {**target, "user": {path: value for path, (_, value) in lines.items()}}
        places[name] = {path: place for path, (place, _) in lines.items()}
    if not extended:
        return ExtendedDocument(document)
    changed = {**document, "targets": {**document["targets"], **extended}}
    return ExtendedDocument(changed, places)


def _tables(document: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
    tables = document.get(section)
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _wrong(
    section: str, tables: Mapping[str, Mapping[str, Any]], mappings: Mapping[str, Any]
) -> Iterator[InvalidSetting]:
    """Yield each `extends` of `tables` that names no mapping."""
    for name, table in tables.items():
        extends = table.get(_EXTENDS)
        place = (section, name, _EXTENDS)
        if _EXTENDS not in table:
            continue
        if not isinstance(extends, str):
            message = f"must be the name of a mapping, not {toml_type(extends)}"
            yield InvalidSetting(place, message, code="SYNC-0110")
        elif extends not in mappings:
            known = f"found: {', '.join(mappings)}" if mappings else "there is no [mappings.NAME]"
            hint = did_you_mean(extends, mappings)
            message = f"no mapping {quoted(extends)}"
            yield InvalidSetting(place, message, code="SYNC-0165", found=known, hint=hint)


def _cycles(mappings: Mapping[str, Mapping[str, Any]]) -> Iterator[InvalidSetting]:
    """Yield each cycle of mappings once, at its first mapping in the file."""
    seen: set[str] = set()
    for name in mappings:
        chain = _chain(name, mappings)
        if name not in seen and mappings[chain[-1]].get(_EXTENDS) == name:
            seen.update(chain)
            yield InvalidSetting(
                ("mappings", name, _EXTENDS),
                "mappings extend each other in a cycle",
                code="SYNC-0166",
                found=" -> ".join([*chain, name]),
                hint="remove one of these extends lines",
            )


def _chain(name: str, mappings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a mapping and those that it extends, up to the first unknown or repeated one."""
    chain = [name]
    while True:
        above = mappings[chain[-1]].get(_EXTENDS)
        if not isinstance(above, str) or above not in mappings or above in chain:
            return chain
        chain.append(above)


Lines = dict[str, tuple[Keys, Any]]
"""Attribute path -> place and value."""


def _lines(name: str, mappings: Mapping[str, Mapping[str, Any]]) -> Lines:
    """Return the lines of a mapping, with those of the mappings that it extends."""
    lines: Lines = {}
    for each in reversed(_chain(name, mappings)):
        own = {path: value for path, value in mappings[each].items() if path != _EXTENDS}
        lines = _overridden(lines, own, ("mappings", each))
    return lines


def _overridden(inherited: Lines, own: Mapping[str, Any], place: Keys) -> Lines:
    """Return inherited and own lines, without inherited ones that an own one replaces.

    A line replaces one for the same attribute, however its path is spelled.
    """
    replaced = {_key(path) for path in own}
    kept = {path: line for path, line in inherited.items() if _key(path) not in replaced}
    return kept | {path: ((*place, path), value) for path, value in own.items()}


def _key(path: str) -> str:
    try:
        return settable_path(path).key
    except PathError:  # the compiler reports it
        return path
