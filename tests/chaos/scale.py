"""How long the chaos lasts: bounded in `make test`, long in `make chaos`; and from which seed it
comes."""

from __future__ import annotations

import os
import random

LONG = os.environ.get("SCIMSYNC_CHAOS") == "long"


def scaled(short: int, long: int) -> int:
    """A size."""
    return long if LONG else short


def seed() -> int:
    """The same in each `make test`; another one in each long run, unless SEED names it. It is
    printed."""
    given = os.environ.get("SCIMSYNC_CHAOS_SEED")
    number = int(given) if given else random.SystemRandom().randrange(2**32) if LONG else 20260302
    print(f"\nseed {number}")
    return number
