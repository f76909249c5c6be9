"""Limits of a guard: a number, or a share of a total."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

_NUMBER = re.compile(r"[0-9]{1,18}")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%")


@dataclass(frozen=True, slots=True)
class Limit:
    """An upper limit: a number (`25`) or a share of a total (`"10%"`)."""

    amount: Decimal
    is_share: bool = False

    @classmethod
    def share(cls, percent: int) -> Self:
        """Return a limit of `percent` of a total."""
        return cls(Decimal(percent), is_share=True)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the limit that `text` is (`25`, `10%`), or None if it is neither.

        A share may be more than 100%.
        """
        text = text.strip()
        if _NUMBER.fullmatch(text):
            return cls(Decimal(text))
        share = _SHARE.fullmatch(text)
        return None if share is None else cls(Decimal(share[1]), is_share=True)

    def of(self, total: int) -> int:
        """Return the limit for `total` items. A share is rounded down: 10% of 25 is 2."""
        return math.floor(self._exact(total))

    def _exact(self, total: int) -> Decimal:
        return self.amount * total / 100 if self.is_share else self.amount

    def __str__(self) -> str:
        return f"{self.amount}%" if self.is_share else str(self.amount)


@dataclass(frozen=True, slots=True)
class Minimum(Limit):
    """A lower limit.

    A share is rounded up, so that 80% of 1 is 1 and an emptied source is noticed.
    """

    def of(self, total: int) -> int:
        """Return the smallest number that is enough where there were `total` items."""
        return math.ceil(self._exact(total))
