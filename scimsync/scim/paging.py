"""How the lists of a service provider are paged (RFC 7644 section 3.4.2.4, RFC 9865)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from scimsync.model.service_provider import Capabilities
from scimsync.scim.messages import Query

PageQuery = Callable[[int, int], Query]
"""Returns the query of a page by its start index and count: see `Dialect.page`."""


class PagingMethod(StrEnum):
    """How to request the pages of a list.

    With NONE, the service provider ignores paging and always sends the same first resources.
    """

    INDEX = "index"
    CURSOR = "cursor"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ListPaging:
    """How to request the pages of a list, and the number of resources in each.

    `is_fixed`: the method is known for the product, whatever a service provider declares.
    """

    method: PagingMethod = PagingMethod.INDEX
    count: int = 100
    is_fixed: bool = False

    @classmethod
    def of_product(cls, method: str | None, count: int) -> ListPaging:
        """Return how to page at a product with this `method`, None if that is not known."""
        if method is None:
            return cls(count=count)
        return cls(PagingMethod(method), count, is_fixed=True)


def declared_paging(wanted: ListPaging, declared: Capabilities) -> ListPaging:
    """Return how to page at a service provider, as close to `wanted` as its declarations allow.

    One that declares both ways is paged by index, unless its default are cursors. Its largest page
    and its largest number of results limit the count (RFC 9865 section 4, RFC 7643 section 5).
    """
    limits = [limit for limit in (declared.max_page_size, declared.max_results) if limit]
    paging = replace(wanted, count=min([wanted.count, *limits]))
    prefers_cursor = not declared.index_paging or declared.default_paging == "cursor"
    if declared.cursor_paging and prefers_cursor and not paging.is_fixed:
        return replace(paging, method=PagingMethod.CURSOR)
    return paging


def query_by_cursor(page_query: PageQuery, cursor: str, count: int) -> Query:
    """Return the query of a page by its cursor, which is empty for the first one (RFC 9865)."""
    return (("cursor", cursor), *without(page_query(1, count), "startIndex"))


def without(query: Query, name: str) -> Query:
    """Return a query without the parameter `name`, in any case."""
    return tuple((one, value) for one, value in query if one.lower() != name.lower())
