"""What a sequence knows so far: the names of its resources, their ids, and their documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from scimsync.probe.sequence import GROUPS, PLACEHOLDER, MadeResource, Query
from scimsync.scim.attributes import read, usable_id

NAME_PREFIX: Final = "scimsync-probe-"
"""What the names of all resources that a probe makes begin with."""


_CONFIG: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"


class UnknownVersion(LookupError):
    """The server has shown no version of a resource that a header could carry."""


class Memory:
    """The names, ids and documents of the resources of one sequence.

    `run` is random text that makes the names unique, and `sequence` the name of the sequence.
    """

    def __init__(self, run: str, sequence: str, resources: Sequence[MadeResource]) -> None:
        self.run = run
        self._sequence = sequence
        self._resources = {one.name: one for one in resources}
        self._ids: dict[str, str] = {}
        self._documents: dict[str, Mapping[str, Any]] = {}
        self._config: Mapping[str, Any] = {}

    def knows(self, names: Iterable[str]) -> bool:
        """Return whether the ids of all resources called `names` are known."""
        return all(name in self._ids for name in names)

    def id(self, name: str) -> str:
        """Return the id of a resource. Raise KeyError if it is not known."""
        return self._ids[name]

    def learn(self, name: str, resource_id: str) -> None:
        """Keep the id of the resource called `name`."""
        self._ids[name] = resource_id

    def supports(self, feature: str) -> bool:
        """Return False if the server has declared that it does not support `feature`."""
        name, word = ("pagination", "index") if feature == "index" else (feature, "supported")
        declared = read(self._config, name)
        return not isinstance(declared, Mapping) or read(declared, word) is not False

    def see(self, document: Mapping[str, Any]) -> None:
        """Keep `document` as the state of the resource with its id, if that is known.

        Keep a ServiceProviderConfig too.
        """
        schemas = document.get("schemas")
        if isinstance(schemas, list) and _CONFIG in schemas:
            self._config = document
        shown = usable_id(document.get("id"))
        for name, resource_id in self._ids.items():
            if resource_id == shown:
                self._documents[name] = document

    def document(self, name: str) -> Mapping[str, Any]:
        """Return the resource called `name` as the server last showed it; {} if it never did."""
        return self._documents.get(name, {})

    def is_group(self, name: str) -> bool:
        """Return whether a resource is a group; False for one that the probe did not make."""
        return name in self._resources and self.endpoint(name) == GROUPS

    def endpoint(self, name: str) -> str:
        """Return the endpoint of a resource."""
        return self._resources[name].endpoint

    def path(self, name: str) -> str:
        """Return the path of a resource, such as `/Users/2819c223`."""
        return f"{self.endpoint(name)}/{quote(self.id(name), safe='')}"

    def names(self, name: str) -> tuple[str, ...]:
        """Return all names that a resource may get in the course of the sequence."""
        return tuple(self._attribute(name, which) for which in ("name", "renamed", "upper"))

    def fill(self, value: Any) -> Any:
        """Return `value` with its placeholders replaced by values."""
        if isinstance(value, str):
            return PLACEHOLDER.sub(lambda found: self._value(*found.groups()), value)
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, list | tuple) else value

    def target(self, path: str, query: Query) -> str:
        """Return path and query without placeholders, percent-encoded as providers do it."""
        filled = PLACEHOLDER.sub(lambda found: quote(self._value(*found.groups()), safe=""), path)
        pairs = [
            quote(name, safe="") + ("" if text is None else f"={quote(self.fill(text), safe='')}")
            for name, text in query
        ]
        return f"{filled}?{'&'.join(pairs)}" if pairs else filled

    def _value(self, name: str, attribute: str | None) -> str:
        if name == "run":
            return self.run
        return self.id(name) if attribute is None else self._attribute(name, attribute)

    def _attribute(self, name: str, attribute: str) -> str:
        stem = f"{NAME_PREFIX}{self.run}-{self._sequence}-{name.lower()}"
        domain = "" if self.is_group(name) else "@example.com"
        match attribute:
            case "name":
                return stem + domain
            case "upper":
                return (stem + domain).upper()
            case "renamed":
                return f"{stem}-renamed{domain}"
            case "externalId":
                return stem
            case "version":
                return self._version(name)
        raise KeyError(f"{{{name}.{attribute}}}")

    def _version(self, name: str) -> str:
        meta = read(self.document(name), "meta")
        found = read(meta, "version") if isinstance(meta, Mapping) else None
        if not isinstance(found, str) or not found.isascii() or not found.isprintable():
            raise UnknownVersion
        return found
