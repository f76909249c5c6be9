"""Resources that should not exist as far as is known, but that an unusable row may ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from scimsync.desired import Desired
from scimsync.errors import coded
from scimsync.model.ids import Key
from scimsync.plan.protocols import Records


def why_undecided(
    records: Records,
    sources: Sequence[str],
    keys: Sequence[Key],
    desired: Mapping[Key, Desired],
    failures: Collection[Key],
) -> dict[Key, str]:
    """Return why it is not known of some of `keys` that their resource should not exist.

    Nothing is sent about these until the row is corrected. `desired` and `failures` are what is
    known of `keys`, which are those of records.
    """
    unwanted = [
        key
        for key in keys
        if key not in failures and not (key in desired and desired[key].in_scope)
    ]
    found = records.unusable(sources, unwanted) if unwanted else {}
    return {key: coded(_WHY.format(source=source), "SYNC-0353") for key, source in found.items()}


_WHY = (
    "{source} has a row that cannot be used and may have this key; nothing is sent until the row is"
    " corrected"
)
