"""Learn how a target writes values its own way: values that differ even after a repair.

If a target answers a change without the resource, its form of a value stays unknown. If the target
shows a value differently right after a repair sent it, that is the target's own form. It is kept
with the link (`Link.echoes`), and does not count as drift from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.echoes import Echo
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.reconcile.drift_findings import Drift, FindingLog, ReconcileFinding
from scimsync.reconcile.opened import OpenedTarget, ReadSettings, open_target
from scimsync.reconcile.read_again import ResourceCheck
from scimsync.reconcile.read_back import ReadBack
from scimsync.sources.workspace import new_private_bytes
from scimsync.state import link_store
from scimsync.state.store import Store
from scimsync.targets.connection import TargetStopped
from scimsync.targets.echo_comparison import shortened
from scimsync.targets.evidence import IdOfAnother
from scimsync.transport.request_errors import RequestError

_BATCH: Final = 500


def learn_own_forms(
    settings: ReadSettings, repaired: Mapping[str, Mapping[Kind, Sequence[Key]]]
) -> dict[str, str]:
    """Read repaired accounts and groups again, and keep values in the target's own form.

    Only values sent since the time of `settings` count. Return target -> what was learned, for
    those that show a value differently. A target that cannot be read now teaches nothing.
    """

    async def learn() -> dict[str, str]:
        learned: dict[str, str] = {}
        for name, keys in repaired.items():
            number = await _learn(settings, name, keys)
            if number:
                learned[name] = (
                    f"{plural(number, 'value is', 'values are')} shown differently from what was"
                    " sent; from now on, this form does not count as drift"
                )
        return learned

    return asyncio.run(learn())


async def _learn(settings: ReadSettings, name: str, keys: Mapping[Kind, Sequence[Key]]) -> int:
    number = 0
    with ReadBack() as read_back:
        file = read_back.new_file()
        with new_private_bytes(file) as stream:
            log = FindingLog(file, stream)
            target = settings.compiled.targets[name]
            async with open_target(settings, target) as opened:
                try:
                    await _check(opened, settings.store, log, keys)
                except (RequestError, IdOfAnother, TargetStopped, ExceptionGroup):
                    return 0
            for finding in log:
                if finding.drift is Drift.CHANGED and finding.key is not None:
                    number += _keep(settings, name, finding, finding.key)
    return number


async def _check(
    opened: OpenedTarget, store: Store, log: FindingLog, keys: Mapping[Kind, Sequence[Key]]
) -> None:
    for kind, of_kind in keys.items():
        check = ResourceCheck(opened, store, kind, log)
        for some in batches(of_kind, _BATCH):
            await check.check(some, opened.compiled.concurrency)


def _keep(settings: ReadSettings, target: str, finding: ReconcileFinding, key: Key) -> int:
    """Keep the forms of one resource with its link, and return their number."""
    shown = {change.path: change for change in finding.changes if change.after is not None}
    with settings.store.write() as connection:
        link = link_store.get_links(connection, target, finding.kind, [key]).get(key)
        if link is None or not shown or not _is_fresh(link, settings):
            return 0
        kept = [echo for echo in link.echoes if echo.path not in shown]
        new = [
            Echo(path, shortened(change.before), shortened(change.after))
            for path, change in shown.items()
        ]
        link_store.put_links(connection, target, [replace(link, echoes=(*kept, *new))])
    return len(new)


def _is_fresh(link: Link, settings: ReadSettings) -> bool:
    return (
        link.synced_at is not None
        and link.synced_at >= settings.now.time
        and not (link.in_doubt or link.failures)
    )
