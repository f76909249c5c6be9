"""PATCH as a strict service provider carries it out, to the letter of RFC 7644 section 3.5.2."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from scimsync.scim.attributes import at_top, is_unassigned, read, same_value, spelled
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.grammar import PathError
from scimsync.scim.patch import ABSENT, PatchOperation
from scimsync.scim.paths import Path, parse_path
from scimsync.scim.settable import MULTI_VALUED, SCHEMA_URN

Json = dict[str, Any]


def apply_patch(operations: Sequence[PatchOperation], resource: Json) -> Json:
    """Return a copy of `resource` after `operations`, carried out in their order.

    Raises ErrorResponse with status 400 and a scimType of section 3.12: invalidPath, noTarget,
    invalidValue, invalidSyntax, or mutability for an attribute that the service provider sets.
    """
    patched = deepcopy(resource)
    for operation in operations:
        value = deepcopy(operation.value)
        if operation.op not in ("add", "replace", "remove"):
            raise _refused("invalidSyntax", f"{operation.op} is no operation")
        if operation.op == "remove":
            if operation.path is None:
                raise _refused("noTarget", "a remove needs a path")
            _change(patched, operation.op, operation.path, ABSENT)
        elif value is ABSENT or (operation.op == "add" and value is None):
            raise _refused("invalidValue", f"{operation.op} needs a value")
        elif operation.path is not None:
            _change(patched, operation.op, operation.path, value)
        elif isinstance(value, dict):
            for name, one in value.items():
                _change(patched, operation.op, name, one)
        else:
            raise _refused("invalidValue", f"{operation.op} without a path needs an object")
    return patched


@dataclass(frozen=True)
class _Target:
    """Where a path leads: the object that holds the attribute, and the path itself."""

    holder: Json
    path: Path

    @property
    def name(self) -> str:
        return spelled(self.holder, self.path.attribute) or self.path.attribute

    @property
    def value(self) -> Any:
        return self.holder.get(self.name)

    @property
    def multi_valued(self) -> bool:
        return isinstance(self.value, list) or (
            at_top(self.path.schema) and self.name.casefold() in MULTI_VALUED
        )

    def elements(self) -> list[Any]:
        """The values that the path means: all of a multi-valued attribute, those that its filter
        matches, or the one."""
        value = (
            []
            if self.value is None
            else self.value
            if isinstance(self.value, list)
            else [self.value]
        )
        condition = self.path.filter
        if condition is None:
            return value
        return [one for one in value if isinstance(one, dict) and matches(condition, one)]


def _change(resource: Json, op: str, text: str, value: Any) -> None:
    """Add, replace or remove (`value` ABSENT or None) at the path `text`."""
    if text.casefold() == "schemas" or _change_extension(resource, op, text, value):
        return
    try:
        path = parse_path(text)
    except PathError as error:
        raise _refused("invalidPath", str(error)) from None
    if at_top(path.schema) and path.attribute.casefold() in ("id", "meta"):
        if (
            path.sub is None
            and path.filter is None
            and same_value(read(resource, path.attribute), value)
        ):
            return
        raise _refused("mutability", f"{path.attribute} is read-only")
    target = _Target(_holder(resource, path, create=value is not ABSENT), path)
    if value is ABSENT or value is None:
        _remove(target)
    elif path.filter is not None or path.sub is not None:
        _set_parts(target, op, value)
    else:
        _set_whole(target, op, value)
    _forget_empty_extension(resource, path)


def _change_extension(resource: Json, op: str, text: str, value: Any) -> bool:
    """Change a whole extension where `text` is the bare URN of one; says whether it was."""
    key = spelled(resource, text)
    is_object = isinstance(value, dict)
    if key is None:
        if not is_object or not SCHEMA_URN.search(text):
            return False
    elif ":" not in text or not isinstance(resource[key], dict):
        return False
    if value is ABSENT or value is None:
        resource.pop(key or text)
        resource["schemas"] = [
            one for one in resource.get("schemas", []) if one.casefold() != text.casefold()
        ]
        return True
    if not is_object:
        raise _refused("invalidValue", f"{text} needs an object")
    for name, one in value.items():
        _change(resource, op, f"{text}:{name}", one)
    return True


def _holder(resource: Json, path: Path, *, create: bool) -> Json:
    if path.schema is None or at_top(path.schema):
        return resource
    key = spelled(resource, path.schema)
    if key is None and create:
        key = path.schema
        resource[key] = {}
        resource["schemas"] = [*resource.get("schemas", []), key]
    held = {} if key is None else resource[key]
    if not isinstance(held, dict):
        raise _refused("invalidPath", f"{path.schema} is no extension")
    return held


def _forget_empty_extension(resource: Json, path: Path) -> None:
    key = None if at_top(path.schema) else spelled(resource, path.schema or "")
    if key is not None and resource[key] == {}:
        del resource[key]
        resource["schemas"] = [
            one for one in resource.get("schemas", []) if one.casefold() != key.casefold()
        ]


def _remove(target: _Target) -> None:
    """Section 3.5.2.2. What the filter does not match is no error: nothing is left to remove."""
    path, found = target.path, target.elements()
    if target.name not in target.holder:
        return
    if path.sub is None:
        chosen = found if path.filter is not None else None
        left = (
            []
            if chosen is None
            else [one for one in target.value if not any(one is gone for gone in chosen)]
        )
    else:
        for one in found:
            key = spelled(one, path.sub) if isinstance(one, dict) else None
            if key is not None:
                del one[key]
        left = target.value
    if isinstance(left, list):
        left = [one for one in left if one != {}]
    if is_unassigned(left):
        del target.holder[target.name]
    else:
        target.holder[target.name] = left


def _set_whole(target: _Target, op: str, value: Any) -> None:
    """An attribute as a whole: complex ones are merged, an add to a multi-valued one appends what
    is not there yet."""
    if target.multi_valued:
        wanted = value if isinstance(value, list) else [value]
        held = list(target.elements()) if op == "add" else []
        new: list[Any] = []
        for one in wanted:
            if not any(same_value(one, other) for other in (*held, *new)):
                new.append(one)
        target.holder[target.name] = held + new
        _keep_one_primary(target, new)
    elif isinstance(value, dict) and isinstance(target.value, dict):
        _merge(target.value, value)
    else:
        target.holder[target.name] = value
    if is_unassigned(target.value):
        del target.holder[target.name]


def _set_parts(target: _Target, op: str, value: Any) -> None:
    """A sub-attribute, or the elements that a filter matches."""
    path = target.path
    if path.filter is None and target.value is None and not target.multi_valued:
        target.holder[target.name] = {}
    found = target.elements()
    if not found:
        raise _refused("noTarget", f"nothing matches {path}")
    for one in found:
        if not isinstance(one, dict):
            raise _refused("invalidPath", f"{path.parent} has no sub-attributes")
        if path.sub is not None:
            one[spelled(one, path.sub) or path.sub] = value
        elif not isinstance(value, dict):
            raise _refused("invalidValue", f"{path} needs an object")
        elif op == "replace":
            one.clear()
            one.update(value)
        else:
            _merge(one, value)
    if isinstance(target.value, list):
        _keep_one_primary(target, found)


def _merge(held: Json, value: Json) -> None:
    for name, one in value.items():
        held[spelled(held, name) or name] = one


def _keep_one_primary(target: _Target, written: list[Any]) -> None:
    """`true` appears at most once: what was just written takes it from the others (RFC 7644 section
    3.5.2)."""
    new = [one for one in written if isinstance(one, dict) and read(one, "primary") is True]
    if len(new) > 1:
        raise _refused("invalidValue", f"several values of {target.path.parent} would be primary")
    for one in target.value if new else ():
        if isinstance(one, dict) and one is not new[0] and read(one, "primary") is True:
            one[spelled(one, "primary") or "primary"] = False


def _refused(scim_type: str, detail: str) -> ErrorResponse:
    return ErrorResponse(400, scim_type=scim_type, detail=detail)
