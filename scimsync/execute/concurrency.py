"""Runs coroutines side by side; an error meant for people comes out as itself, not inside a
group."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

from scimsync.errors import ScimsyncError


async def gather_or_raise(work: Sequence[Coroutine[None, None, None]]) -> None:
    """Waits for all of `work`. Where one fails the others are cancelled; of several errors the
    first is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as errors:
        said = errors.subgroup(ScimsyncError)
        if said is None:
            raise
        raise _first(said) from errors


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
