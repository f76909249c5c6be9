"""What the lists of a product show of its resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scimsync.model.ids import Document


@dataclass(frozen=True, slots=True)
class Visibility:
    """The facts of a profile about lists, for resources of one kind.

    `lists_lie`: the list of all resources shows made-up ones or none. `sees_only_own`: resources
    that others created are shown neither in lists nor to filters. `samples` returns the documents
    of some linked resources, by which filters prove that they work where lists do not.
    `filter_needs` is the text that a value needs in a filter, by path, or else nothing is found.
    """

    product: str = ""
    lists_lie: bool = False
    sees_only_own: bool = False
    filter_needs: Mapping[str, str] = field(default_factory=dict, hash=False)
    samples: Callable[[], Sequence[Document]] = tuple


EVERYTHING = Visibility()
"""Lists show all resources."""
