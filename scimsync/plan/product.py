"""What a product does with requests, as far as planning has to know it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scimsync.formatting import plural


@dataclass(frozen=True, slots=True)
class ProductRules:
    """The facts of a target's profile that decide what is planned.

    `name` is that of the product, for messages. `left_out` are mapped attributes of users that it
    does not support. `deactivation_deletes`: an account that is deactivated there is gone for good.
    """

    name: str = ""
    left_out: tuple[str, ...] = ()
    deactivation_deletes: bool = False


GENERIC = ProductRules()
"""The rules of a product of which nothing is known."""


def left_out_attributes(product: ProductRules) -> Iterator[str]:
    """Yield the warning that mapped attributes are not sent, if any are left out."""
    if product.left_out:
        are = plural(len(product.left_out), "mapped attribute is", "mapped attributes are")
        paths = ", ".join(product.left_out)
        yield f"{are} left out: {product.name} does not support {paths}"
