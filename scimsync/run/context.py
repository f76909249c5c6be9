"""The context that all parts of a run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from scimsync.plan import Now
from scimsync.run.compiled import CompiledConfig
from scimsync.run.options import Options, Report
from scimsync.snapshot.view import SnapshotView
from scimsync.state.leases import FencingToken
from scimsync.state.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A run. With an `overlay`, the run writes to it and leaves `store` as it is."""

    compiled: CompiledConfig
    store: Store
    options: Options
    now: Now
    report: Report
    overlay: Store | None = None

    @property
    def records(self) -> SnapshotView:
        """The records of all sources, as this run sees them."""
        return SnapshotView(self.store, self.overlay)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushContext(Context):
    """A push with its leases.

    `store` writes only while the run holds all of its leases; `unfenced` writes in any case.
    """

    unfenced: Store
    run: int
    token: FencingToken
    clock: Callable[[], datetime]
