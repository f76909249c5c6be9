"""What a product does with requests, as far as planning has to know it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from scimsync.errors import coded
from scimsync.formatting import plural
from scimsync.model.ids import Document, Key, Kind, Value
from scimsync.scim.attributes import same_value


@dataclass(frozen=True, slots=True)
class ProductRules:
    """The facts of a target's profile that decide what is planned.

    `name` is that of the product, for messages. `left_out` are mapped attributes of users that it
    does not support. `immutable` are the attributes of users that cannot be changed after the
    creation, and `group_immutable` those of groups. `deactivation_deletes`: an account that is
    deactivated there is gone for good.
    """

    name: str = ""
    left_out: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    group_immutable: tuple[str, ...] = ()
    deactivation_deletes: bool = False

    def immutable_of(self, kind: Kind) -> tuple[str, ...]:
        """Return the attributes of a kind of resource that cannot be changed."""
        return self.immutable if kind is Kind.USER else self.group_immutable


GENERIC = ProductRules()
"""The rules of a product of which nothing is known."""


def left_out_attributes(product: ProductRules) -> Iterator[str]:
    """Yield the warning that mapped attributes are not sent, if any are left out."""
    if product.left_out:
        are = plural(len(product.left_out), "mapped attribute is", "mapped attributes are")
        paths = ", ".join(product.left_out)
        yield f"{are} left out: {product.name} does not support {paths}"


def keep_immutable(
    wanted: Document, held: Document, paths: Collection[str]
) -> tuple[dict[str, Value], list[str]]:
    """Return a document that holds at `paths` what the account holds, and the paths that differ.

    `wanted` is what the account should hold if everything could be changed.
    """
    kept = {path: value for path, value in wanted.items() if path not in paths}
    kept |= {path: held[path] for path in paths if path in held}
    differing = [
        path
        for path in paths
        if (path in wanted or path in held) and not same_value(wanted.get(path), held.get(path))
    ]
    return kept, differing


def unchangeable_attributes(
    product: str, kind: Kind, found: Mapping[str, Collection[Key]]
) -> Iterator[str]:
    """Yield the warnings that attributes stay as they are, by path and key."""
    for path, keys in found.items():
        named = ", ".join(sorted(keys)[:3]) + (" …" if len(keys) > 3 else "")
        stays = plural(len(keys), f"{kind.noun} keeps its", f"{kind.noun}s keep their")
        text = f"{stays} {path}, which {product} does not change after the creation: {named}"
        yield coded(text, "SYNC-0461")
