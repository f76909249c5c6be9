"""Shape the operations of a PATCH, or the body of a PUT, by a choice on each axis."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from scimsync.scim.attributes import at_top, member_id, read, spelled
from scimsync.scim.differences import Difference
from scimsync.scim.edit import edited
from scimsync.scim.messages import Member, RemoteResource, Requests, ScimRequest, resource_path
from scimsync.scim.patch import PatchOperation, patch_body
from scimsync.scim.paths import Path, eq_filter
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.settable import SettablePath, settable_path
from scimsync.scim.shapes import Axis, Shape, Shapes

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_WRITTEN_BY_SERVERS = ("meta",)
"""Attributes that a PUT leaves out (RFC 7643 section 3.1)."""

_SPELLINGS = {
    name.lower(): name
    for name in (
        "externalId",
        "userName",
        "displayName",
        "nickName",
        "profileUrl",
        "userType",
        "preferredLanguage",
        "phoneNumbers",
        "x509Certificates",
        "givenName",
        "familyName",
        "middleName",
        "honorificPrefix",
        "honorificSuffix",
        "streetAddress",
        "postalCode",
        "employeeNumber",
        "costCenter",
        _ENTERPRISE,
    )
}
"""Names as RFC 7643 (sections 3 and 4) spells them, by lower case."""


def needs_current(shapes: Shapes, paths: Collection[str]) -> bool:
    """Return whether a change at `paths` is shaped from the resource as it is now."""
    if shapes.writes_by_put or any(path.lower() in shapes.by_put for path in paths):
        return True
    if "members" in paths:
        return "list" in (shapes.setting.member_addition, shapes.removing.member_removal)
    where = [settable_path(path) for path in paths]
    return any(_replaces_more(shape, where) for shape in (shapes.setting, shapes.removing))


def _replaces_more(shape: Shape, where: Sequence[SettablePath]) -> bool:
    """Return whether an operation of this shape replaces more than the paths `where`."""
    if shape.path == "object" and any(one.pins or one.path.sub is not None for one in where):
        return True
    if shape.element in ("element", "list") and any(one.pins for one in where):
        return True
    return shape.extension == "nested" and any(
        not at_top(one.path.schema)
        and (one.pins or one.path.sub is not None)
        and not _is_manager(one.path)
        for one in where
    )


def put(
    kind: str, resource: RemoteResource, changes: Sequence[Difference], named: Mapping[str, Any]
) -> Requests:
    """Return the PUT of a resource with `changes`; nothing if it has them already.

    `named` is a resource with the wanted values, shown where the current one is not known.
    """
    current = resource.current
    if current is None:
        body = {**named, "id": resource.remote_id}
    else:
        body = edited(current, changes)
        if body == current:
            return ()
    return _put(kind, resource, body)


def _put(kind: str, resource: RemoteResource, body: Mapping[str, Any]) -> Requests:
    kept = {name: one for name, one in body.items() if name.lower() not in _WRITTEN_BY_SERVERS}
    path = resource_path(RESOURCE_TYPES[kind].endpoint, resource.remote_id)
    return (ScimRequest("PUT", path, _spelled_as_usual(kept), if_match=resource.etag),)


def _spelled_as_usual(value: Any) -> Any:
    """Return a value with the usual spelling of names.

    Some targets show names in lower case, and know them only as the RFC spells them.
    """
    if isinstance(value, Mapping):
        return {
            _SPELLINGS.get(name.lower(), name): _spelled_as_usual(held)
            for name, held in value.items()
        }
    return [_spelled_as_usual(one) for one in value] if isinstance(value, list) else value


def patches(
    kind: str, resource: RemoteResource, operations: Sequence[PatchOperation], shape: Shape
) -> Requests:
    """Return the PATCH requests that carry out `operations`."""
    path = resource_path(RESOURCE_TYPES[kind].endpoint, resource.remote_id)
    if shape.words == "legacy":
        operations = [_legacy(operation) for operation in operations]
    groups = [operations]
    if shape.operations == "single":
        groups = [[operation] for operation in operations]
    return tuple(
        ScimRequest("PATCH", path, patch_body(group), if_match=resource.etag)
        for group in groups
        if group
    )


def attribute_operations(
    changes: Sequence[Difference], shapes: Shapes, current: Mapping[str, Any] | None
) -> list[PatchOperation]:
    """Return the operations that make `changes` of attributes."""
    shaped = _Operations(shapes, current or {}, changes)
    for change in changes:
        shaped.add(change)
    return shaped.all()


@dataclass(slots=True)
class _Operations:
    """The operations of one PATCH while they are collected.

    `operations` have a path. `pathless` is the value of one that has none.
    """

    shapes: Shapes
    current: Mapping[str, Any]
    changes: Sequence[Difference]
    operations: list[PatchOperation] = field(default_factory=list)
    pathless: dict[str, Any] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)

    def all(self) -> list[PatchOperation]:
        if not self.pathless:
            return self.operations
        return [*self.operations, PatchOperation("replace", value=self.pathless)]

    def add(self, change: Difference) -> None:
        shape = self.shapes.shape(removes=change.is_removal)
        path = change.where.path
        if is_manager(change):
            self._manager(change, shape)
        elif shape.path == "object" or (change.schema is not None and shape.extension == "nested"):
            self._object(change)
        elif change.where.pins:
            self._element(change, shape)
        elif shape.path == "keys" and self._is_replaced(change, shape):
            self.pathless[str(path)] = change.value
        else:
            self._operation(change, shape, str(path), change.value)

    @staticmethod
    def _is_replaced(change: Difference, shape: Shape) -> bool:
        """Return whether a value may go into the object of one `replace`."""
        return not change.is_removal and not (change.is_new and shape.absent == "add")

    def _operation(self, change: Difference, shape: Shape, path: str, value: Any) -> None:
        if change.is_removal:
            self.operations.append(PatchOperation("remove", path))
            return
        # the values of a list that was absent are added to those that others may have set
        adds = change.is_new and (isinstance(value, list) or shape.absent == "add")
        self.operations.append(PatchOperation("add" if adds else "replace", path, value))

    def _manager(self, change: Difference, shape: Shape) -> None:
        path = change.where.path
        if shape.manager == "value":
            self._operation(change, shape, str(path), change.value)
        elif shape.manager == "object":
            self._operation(change, shape, path.parent, {str(path.sub): change.value})
        else:
            manager = None if change.is_removal else {str(path.sub): change.value}
            self.pathless.setdefault(str(change.schema), {})[path.attribute] = manager

    def _object(self, change: Difference) -> None:
        """Put the attribute, whole and with all changes, into an object without a path."""
        path, after = change.where.path, edited(self.current, self.changes)
        holder = self.pathless
        if change.schema is not None:
            holder = holder.setdefault(change.schema, {})
            held = read(after, change.schema)
            after = held if isinstance(held, dict) else {}
        holder[path.attribute] = read(after, path.attribute)

    def _element(self, change: Difference, shape: Shape) -> None:
        path = change.where.path
        if shape.element == "list":
            if path.parent not in self.lists:
                self.lists.add(path.parent)
                whole = self._list(change)
                operation = (
                    PatchOperation("replace", path.parent, whole)
                    if whole
                    else PatchOperation("remove", path.parent)
                )
                self.operations.append(operation)
        elif shape.element == "value" and change.element is not None:
            self._parts(change, change.element)
        elif change.ends_element:
            self.operations.append(PatchOperation("remove", f"{path.parent}[{path.filter}]"))
        elif change.element is not None:
            self.operations.append(PatchOperation("add", path.parent, [change.element]))
        elif shape.element == "element":
            whole_path = replace(path, sub=None)
            value = next(
                (one for one in self._list(change) if _is_at(one, change)),
                change.where.new_element() | {str(path.sub): change.value},
            )
            self.operations.append(PatchOperation("replace", str(whole_path), value))
        else:
            self._operation(change, shape, str(path), change.value)

    def _parts(self, change: Difference, element: Mapping[str, Any]) -> None:
        """Name the values of an element that comes or goes one by one."""
        pins = {name.casefold() for name, _ in change.where.pins}
        for name, value in element.items():
            if name.casefold() not in pins:
                path = str(replace(change.where.path, sub=name))
                self.operations.append(
                    PatchOperation("remove", path)
                    if change.is_removal
                    else PatchOperation("add", path, value)
                )

    def _list(self, change: Difference) -> list[Any]:
        """Return the list that an element belongs to, after all changes."""
        after: Any = edited(self.current, self.changes)
        if change.schema is not None:
            after = read(after, change.schema)
        held = read(after, change.where.path.attribute) if isinstance(after, dict) else None
        return held if isinstance(held, list) else []


def is_manager(change: Difference) -> bool:
    """Return whether a difference is the reference to a manager (RFC 7643 section 4.3)."""
    return _is_manager(change.where.path)


def _is_manager(path: Path) -> bool:
    return (
        (path.schema or "").casefold() == _ENTERPRISE.casefold()
        and path.attribute.casefold() == "manager"
        and (path.sub or "").casefold() == "value"
    )


def _is_at(element: Any, change: Difference) -> bool:
    return isinstance(element, dict) and all(
        read(element, name) == value for name, value in change.where.pins
    )


def _legacy(operation: PatchOperation) -> PatchOperation:
    """Return an operation as older versions of Entra ID write it."""
    value = operation.value
    return replace(
        operation,
        op=operation.op.capitalize(),
        value=str(value) if isinstance(value, bool) else value,
    )


# Members


def member_requests(
    shapes: Shapes, resource: RemoteResource, removed: Sequence[str], added: Sequence[Member]
) -> Requests:
    """Return the requests that remove and add members of a group; others stay."""
    if shapes.writes_by_put or "members" in shapes.by_put:
        body = with_members(resource.current or {"id": resource.remote_id}, removed, added)
        return _put("group", resource, body)
    addition, removal = shapes.setting.member_addition, shapes.removing.member_removal
    if (removed and removal == "list") or (added and addition == "list"):
        value = _members_after(resource.current or {}, removed, added)
        whole = (
            PatchOperation("replace", value={"members": value})
            if shapes.setting.path == "object"
            else PatchOperation("replace", "members", value)
        )
        return patches("group", resource, [whole], shapes.setting)
    operations = _member_removals(removed, removal)
    if added:
        members = [member.to_json() for member in added]
        operations.append(
            PatchOperation("add", "members", members)
            if addition == "path"
            else PatchOperation("add", value={"members": members})
        )
    return patches("group", resource, operations, shapes.setting)


def _member_removals(removed: Sequence[str], shape: str) -> list[PatchOperation]:
    if shape == "values" and removed:
        values = [{"value": member_id} for member_id in removed]
        return [PatchOperation("remove", "members", values)]
    return [
        PatchOperation("remove", f"members[{eq_filter('value', member_id)}]")
        for member_id in removed
    ]


def with_members(
    group: Mapping[str, Any], removed: Sequence[str], added: Sequence[Member]
) -> dict[str, Any]:
    """Return a group without members that are removed, and with those that are added."""
    after = dict(group)
    after[spelled(after, "members") or "members"] = _members_after(group, removed, added)
    return after


def _members_after(
    group: Mapping[str, Any], removed: Sequence[str], added: Sequence[Member]
) -> list[Any]:
    held = read(group, "members")
    gone = set(removed)
    kept = [one for one in held if member_id(one) not in gone] if isinstance(held, list) else []
    known = {member_id(one) for one in kept}
    return [*kept, *(one.to_json() for one in added if one.value not in known)]


# What a request depends on

Use = tuple[Literal["setting", "removing"], Axis]
"""An axis that a change depends on, for setting or for removing a value."""


def uses(changes: Sequence[Difference], shapes: Shapes) -> frozenset[Use]:
    """Return the choices that a change of attributes depends on."""
    write: Use = ("setting", Axis.WRITE)
    if shapes.writes_by_put:
        return frozenset({write})
    found = {write}
    for change in changes:
        found |= _uses(change, shapes)
    if len(changes) > 1:
        found.add(("setting", Axis.OPERATIONS))
    return frozenset(found)


def _uses(change: Difference, shapes: Shapes) -> set[Use]:
    slot: Literal["setting", "removing"] = "removing" if change.is_removal else "setting"
    shape = shapes.shape(removes=change.is_removal)
    if is_manager(change):
        axes = [Axis.MANAGER]
    elif change.schema is not None:
        axes = [Axis.EXTENSION]
    elif change.where.pins:
        axes = [Axis.ELEMENT, Axis.PATH]
    else:
        axes = [Axis.PATH]
    scalar = not isinstance(change.value, list) and not change.where.pins
    if change.is_new and scalar and shape.path == "path":
        axes.append(Axis.ABSENT)
    return {(slot, axis) for axis in axes}


def member_uses(removed: bool, added: bool) -> frozenset[Use]:
    """Return the choices that a change of members depends on."""
    found: set[Use] = {("setting", Axis.WRITE)}
    if removed:
        found.add(("removing", Axis.MEMBER_REMOVAL))
    if added:
        found.add(("setting", Axis.MEMBER_ADDITION))
    return frozenset(found)
