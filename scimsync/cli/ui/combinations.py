"""Refuse options that have no effect together with other options, or without them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from scimsync.errors import coded
from scimsync.formatting import enumerated

F = TypeVar("F", bound=Callable[..., Any])


def only_with(needed: str, *names: str) -> Callable[[F], F]:
    """Refuse `names` unless `needed` is given too. Options are written `--yes`, arguments `KEY`."""

    def check(given: Collection[str]) -> None:
        useless = [name for name in names if name in given]
        if useless and needed not in given:
            refuse(f"{enumerated(useless)} can only be used with {needed}")

    return _checking(check, {needed, *names})


def not_with(chosen: str, *names: str) -> Callable[[F], F]:
    """Refuse `names` where `chosen` is given. Options are written `--yes`, arguments `KEY`."""

    def check(given: Collection[str]) -> None:
        useless = [name for name in names if name in given]
        if useless and chosen in given:
            refuse(f"{enumerated(useless)} cannot be used with {chosen}")

    return _checking(check, {chosen, *names})


def refuse(problem: str) -> NoReturn:
    """Raise the UsageError for options that cannot be used together."""
    raise click.UsageError(coded(problem, "SYNC-0916"), click.get_current_context())


def _checking(check: Callable[[Collection[str]], None], named: Collection[str]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        @wraps(command)
        def checked(*args: Any, **options: Any) -> Any:
            context = click.get_current_context()
            known = {*map(_spelt, context.command.params)}
            assert known.issuperset(named), f"no such options: {named}"  # noqa: S101 - a typo
            check(given_options(context))
            return command(*args, **options)

        return checked  # type: ignore[return-value]

    return decorate


def given_options(context: click.Context) -> set[str]:
    """Return the options and arguments on the command line, including those before the command."""
    given: set[str] = set()
    above: click.Context | None = context
    while above is not None:
        given |= {
            _spelt(parameter)
            for parameter in above.command.params
            if above.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        }
        above = above.parent
    return given


def _spelt(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.make_metavar(click.get_current_context()).strip("[]")
