"""Run coroutines concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

from scimsync.errors import ScimsyncError


async def gather_or_raise(coroutines: Sequence[Coroutine[None, None, None]]) -> None:
    """Wait for all `coroutines`. An error cancels the others.

    Raise the first of several errors. An error meant for people is raised as itself, not inside a
    group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except BaseExceptionGroup as errors:
        expected = errors.subgroup(ScimsyncError)
        if expected is None:
            raise
        raise _first(expected) from errors


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
