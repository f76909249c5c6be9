"""Recognize a file whose first row is a record, and name its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scimsync.init.date_formats import is_date
from scimsync.init.headers import read_header
from scimsync.init.vocabulary import vocabulary

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NUMBER = re.compile(r"[A-Za-z]?-?[0-9]+")


def names_without_header(first: Sequence[str]) -> tuple[str, ...] | None:
    """Return names for the columns if `first`, the first row of a file, is not a header.

    Names of columns are not e-mail addresses. Without an address, a row is a record if it has a
    number or a date and no word that is usual in headers.
    """
    addresses = [cell for cell in first if _ADDRESS.fullmatch(cell)]
    if not addresses:
        known = any(vocabulary().knows(read_header(cell).name) for cell in first if cell)
        values = any(_NUMBER.fullmatch(cell) or is_date(cell) for cell in first if cell)
        if known or not values:
            return None
    return tuple(
        "email" if len(addresses) == 1 and cell == addresses[0] else f"column_{at}"
        for at, cell in enumerate(first, start=1)
    )
