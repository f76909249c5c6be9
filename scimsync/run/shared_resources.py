"""Accounts and groups that another target of the same application manages too.

Two targets may have one url, for example to provision two sources into one application. A user who
moves from one source to the other is then adopted by one target while the other one removes them.
The one that removes gives the account up instead.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from scimsync.config.models import Config
from scimsync.config.same_url import at_same_service, shared_url
from scimsync.errors import coded
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import LinkStatus
from scimsync.model.operations import REMOVAL_ACTIONS, Action, JournaledOperation
from scimsync.run.context import Context
from scimsync.run.target_run import TargetRun
from scimsync.state import link_store

_LOG = logging.getLogger("scimsync")
_BATCH = 500

_PAST = {Action.DEACTIVATE: "deactivated", Action.DELETE: "deleted"}

Holder = tuple[str, Key]
"""A target, and the key that has the resource there."""


def warn_of_shared_urls(config: Config, names: Iterable[str]) -> None:
    """Warn of the targets called `names` that have the url of another target."""
    told: set[str] = set()
    for name in names:
        what = None if name in told else shared_url(config, name)
        if what is not None:
            told.update(what.others)
            _LOG.warning("%s: %s [SYNC-0431]", name, what.text)


def give_up_shared(context: Context, targets: Mapping[str, TargetRun]) -> None:
    """Refuse the removals of resources that another target at the same service has and keeps.

    The target gives these resources up. Users who were deprovisioned by hand are removed
    everywhere. `targets` are those with a plan, and targets at one service are planned together.
    """
    removals = {
        name: list(_removals(target))
        for name, target in targets.items()
        if target.error is None and at_same_service(context.compiled.config, name)
    }
    for name, operations in removals.items():
        others = at_same_service(context.compiled.config, name)
        for kind in Kind:
            for some in batches((one for one in operations if one.kind is kind), _BATCH):
                held = targets[name].state.held([one.key for one in some])
                asked = [one for one in some if one.key not in held]
                holders = _holders(context, targets, removals, others, kind, asked)
                _give_up(targets[name], kind, asked, holders)


def _removals(target: TargetRun) -> Iterator[JournaledOperation]:
    for operation in target.state.planned_operations():
        if operation.action in REMOVAL_ACTIONS and operation.remote_id is not None:
            yield operation


def _holders(
    context: Context,
    targets: Mapping[str, TargetRun],
    removals: Mapping[str, Sequence[JournaledOperation]],
    others: Sequence[str],
    kind: Kind,
    operations: Sequence[JournaledOperation],
) -> dict[RemoteId, Holder]:
    """Return which of the resources another target has and keeps, or adopts in this run."""
    ids = [one.remote_id for one in operations if one.remote_id is not None]
    found: dict[RemoteId, Holder] = {}
    for other in others:
        removed = {one.remote_id for one in removals.get(other, ()) if one.kind is kind}
        kept = [one for one in ids if one not in removed]
        with context.store.read() as connection:
            owners = link_store.owners(connection, other, kind, kept)
            links = link_store.get_links(connection, other, kind, sorted({*owners.values()}))
        for remote_id, key in owners.items():
            if links[key].status is LinkStatus.ACTIVE:
                found.setdefault(remote_id, (other, key))
        if other in targets:
            for remote_id, key in targets[other].state.adopted(kind, kept).items():
                found.setdefault(remote_id, (other, key))
    return found


def _give_up(
    target: TargetRun,
    kind: Kind,
    operations: Sequence[JournaledOperation],
    holders: Mapping[RemoteId, Holder],
) -> None:
    shared = [one for one in operations if one.remote_id in holders]
    links = target.state.links(kind, [one.key for one in shared])
    for operation in shared:
        assert operation.remote_id is not None  # noqa: S101 - it has a holder
        other, key = holders[operation.remote_id]
        done = _PAST[Action(operation.action)]
        why = (
            f"the {kind.noun} {operation.remote_id} is not {done}: it is that of {key} at {other},"
            f" which has the same url; {target.name} gives it up"
        )
        target.state.refuse(operation, coded(why, "SYNC-0432"))
    target.state.give_up(links.values())
