"""Limits of a guard: a number, or a share of a total."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Self


@dataclass(frozen=True, slots=True)
class Limit:
    """An upper limit: a number (`25`) or a share of a total (`"10%"`)."""

    amount: Decimal
    is_share: bool = False

    @classmethod
    def share(cls, percent: int) -> Self:
        """Return a limit of `percent` of a total."""
        return cls(Decimal(percent), is_share=True)

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
