"""Read known accounts before a target is planned: at a new url, and after a restored backup."""

from __future__ import annotations

from datetime import timedelta

from scimsync.errors import TargetUnavailable
from scimsync.formatting import plural
from scimsync.model.ids import Kind
from scimsync.run.compile import CompiledTarget
from scimsync.run.context import Context
from scimsync.state import links
from scimsync.targets.matching import Matcher
from scimsync.targets.shown_resources import shows_another

PROOFS = 5
"""The number of known accounts that are looked for at a new url. One that is there suffices."""

_MAY_BE_RESTORED = timedelta(days=30)
"""The age of the oldest backup of a target that a refresh expects."""


async def prove_new_url(context: Context, target: CompiledTarget, users: Matcher) -> None:
    """Raise TargetUnavailable unless a known account is at the url that the links do not know.

    Nothing else is sent there before. An account of the same id and another name proves nothing.
    """
    if not context.options.allowance.new_url:
        return
    with context.store.read() as connection:
        accounts = links.first_resources(connection, target.name, Kind.USER, PROOFS)
    for link in accounts:
        assert link.remote_id is not None  # noqa: S101 - it has an account
        resource = await users.read(link.remote_id)
        if resource is not None and shows_another(resource, link.document, Kind.USER) is None:
            return
    if accounts:
        number, url = plural(len(accounts), "known account"), target.config.url
        raise TargetUnavailable(
            f"{target.name}: none of {number} that were read is at {url} under its id",
            hint="nothing was sent to it; another service needs a target of another name",
            code="SYNC-0423",
        )


async def refresh(context: Context, target: str, users: Matcher) -> None:
    """Let the plan of a target read all known resources, if that is asked for."""
    if not context.options.refresh:
        return
    now = context.now.time
    with context.store.write() as connection:
        in_doubt = links.put_in_doubt(
            connection, target, now, now - _MAY_BE_RESTORED, context.options.keys
        )
    await users.preload(len(context.options.keys) or in_doubt)
