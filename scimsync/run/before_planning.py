"""Prepare the plan of a target: prove a new url, refresh, and take over the repairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from scimsync.errors import TargetUnavailable
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, Value
from scimsync.model.links import Link, LinkStatus, link_in_doubt
from scimsync.model.memberships import Membership
from scimsync.model.pins import Pin
from scimsync.model.placeholders import secrets_of
from scimsync.model.repairs import Repair, ShownMember, member_key, unlinked_link
from scimsync.run.compiled import CompiledTarget
from scimsync.run.context import Context
from scimsync.run.managed import create_only, managed_paths
from scimsync.state import link_store
from scimsync.state.planning import LiveState
from scimsync.targets.matching import Matcher
from scimsync.targets.shown_resources import shows_another

PROOFS = 5
"""The number of known accounts that are looked for at a new url. One that is there suffices."""

_BATCH = 500

_MAY_BE_RESTORED = timedelta(days=30)
"""The age of the oldest backup of a target that a refresh expects."""


async def prove_new_url(context: Context, target: CompiledTarget, users: Matcher) -> None:
    """Raise TargetUnavailable unless a known account is at the url that the links do not know.

    Nothing else is sent there before. An account of the same id and another name proves nothing.
    """
    if not context.options.allowance.new_url:
        return
    with context.store.read() as connection:
        accounts = link_store.first_resources(connection, target.name, Kind.USER, PROOFS)
    for link in accounts:
        assert link.remote_id is not None  # noqa: S101 - it has an account
        resource = await users.read(link.remote_id)
        if resource is not None and shows_another(resource, link.document, Kind.USER) is None:
            return
    if accounts:
        number, url = plural(len(accounts), "known account"), target.config.url
        raise TargetUnavailable(
            f"{target.name}: none of {number} that were read is at {url} under its id",
            hint="nothing was sent to it; a different service needs a target with a different name",
            code="SYNC-0423",
        )


async def refresh(
    context: Context, target: CompiledTarget, state: LiveState, users: Matcher
) -> None:
    """Let the plan of a target read all known resources, if requested.

    Only a push stores that they are in doubt, until its plan is accepted or discarded.
    """
    if not context.options.refresh:
        return
    keys = context.options.keys
    pins = [pin for pin in state.all_pins() if not keys or pin.key in keys]
    state.before.keep([], pins)
    _keep_pinned(target, state, pins)
    in_doubt = state.put_in_doubt(context.now.time - _MAY_BE_RESTORED, keys)
    await users.preload(len(keys) or in_doubt)


def _keep_pinned(target: CompiledTarget, state: LiveState, pins: Sequence[Pin]) -> None:
    """Let pins hold all that the target acknowledged, since reading replaces it in the links.

    So changes by others do not count as what a revert left.
    """
    for kind in Kind:
        for some in batches([pin for pin in pins if pin.kind is kind], _BATCH):
            known = state.links(kind, [pin.key for pin in some])
            state.keep_pinned(
                [
                    replace(pin, values={**_acknowledged(target, link), **pin.values})
                    for pin in some
                    if (link := known.get(pin.key)) is not None and link.has_account
                ]
            )


def _acknowledged(target: CompiledTarget, link: Link) -> dict[str, Value | None]:
    """Return what a target acknowledged, None if it is absent, without what it never shows."""
    hidden = create_only(target, link.kind, link.key) | secrets_of(link.document).keys()
    paths = dict.fromkeys([*link.document, *managed_paths(target, link.kind, link.key)])
    held = {path: link.document.get(path) for path in paths if path not in hidden}
    return held | ({"active": False} if link.status is LinkStatus.INACTIVE else {})


def begin_repair(context: Context, target: CompiledTarget, state: LiveState) -> None:
    """Let the plan of a target see the differences that are to be repaired, if there are any.

    Accounts and groups are in doubt, so that the plan reads them again. Members count as
    acknowledged as the target showed them.
    """
    repair = (context.options.repairs or {}).get(target.name)
    if repair is None:
        return
    now = context.now.time
    for kind, keys in ((Kind.USER, repair.users), (Kind.GROUP, repair.groups)):
        for some in batches(keys, _BATCH):
            pins, known = list(state.pins(kind, some).values()), state.links(kind, some)
            state.before.keep(known.values(), pins)
            _keep_pinned(target, state, pins)
            state.note_links([_doubted(known[key], now) for key in some if key in known])
    for links_of_run in batches(_unlinked(repair, now), _BATCH):
        state.note_links(links_of_run)
    for members in batches(repair.members, _BATCH):
        _take_over_members(state, members)


def _doubted(link: Link, now: datetime) -> Link:
    """Return a link in doubt. An account that was deleted exists again."""
    exists_again = link.status is LinkStatus.DELETED and link.remote_id is not None
    status = LinkStatus.INACTIVE if exists_again else link.status
    return link_in_doubt(replace(link, status=status), now)


def _unlinked(repair: Repair, now: datetime) -> Iterator[Link]:
    """Yield the links by which resources that are not linked take part in this run."""
    accounts = {one.remote_id for one in repair.unlinked}
    for one in repair.unlinked:
        link = unlinked_link(one.remote_id, one.document, exists=True, kind=Kind.USER)
        yield link_in_doubt(link, now)
    for member in repair.members:
        if member.key is None and not (member.kind is Kind.USER and member.remote_id in accounts):
            yield unlinked_link(member.remote_id, {}, exists=False, kind=member.kind)


def _take_over_members(state: LiveState, members: list[ShownMember]) -> None:
    known: dict[tuple[Key, Kind, Key], Membership] = {}
    for kind in Kind:
        keys = [member_key(one) for one in members if one.kind is kind]
        known |= {row.id: row for row in state.memberships_of_members(keys, kind)}
    after = []
    for one in members:
        ident = one.group, one.kind, member_key(one)
        row = known.get(ident) or Membership(*ident, wanted=False, acknowledged=False)
        after.append(replace(row, acknowledged=one.is_member, in_doubt=False))
    state.put_memberships(after, known.values())
