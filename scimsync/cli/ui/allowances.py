"""Options that lift a limit of `[guard]` for one run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scimsync.errors import coded
from scimsync.formatting import printable
from scimsync.model.limits import Limit, Minimum

if TYPE_CHECKING:
    _LimitParameter = click.ParamType[Limit]
else:
    _LimitParameter = click.ParamType  # not generic in older versions of click

F = TypeVar("F", bound=Callable[..., Any])

ALLOWANCES: dict[str, tuple[str, type[Limit], str]] = {
    "--allow-removals": ("max_removals", Limit, "Deactivate or delete up to N accounts or groups."),
    "--allow-updates": ("max_updates", Limit, "Change up to N accounts."),
    "--allow-adoptions": ("max_adoptions", Limit, "Take over up to N accounts that match weakly."),
    "--allow-identity-changes": (
        "max_identity_changes",
        Limit,
        "Accept up to N keys that now belong to other users.",
    ),
    "--allow-records": ("min_records", Minimum, "Accept a source with N records."),
}
"""Options that lift a limit of [guard] for one run: the setting, its type, and the help."""


class _LimitType(_LimitParameter):
    """A number (25) or a share (10%)."""

    name = "limit"

    def __init__(self, kind: type[Limit]) -> None:
        self._kind = kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Limit:
        """Return the limit that a text is."""
        if isinstance(value, Limit):
            return value
        limit = self._kind.parse(value)
        if limit is None:
            problem = f'"{printable(value)}" is neither a whole number nor a percentage such as 10%'
            self.fail(coded(problem, "SYNC-0935"), param, ctx)
        return limit


def allowances(*names: str) -> Callable[[F], F]:
    """Give a command the options `names`, which lift limits for one run.

    It gets them as `allowed`, by setting.
    """

    def decorate(command: F) -> F:
        @wraps(command)
        def with_allowances(*args: Any, **options: Any) -> Any:
            given = {
                ALLOWANCES[name][0]: limit
                for name in names
                if (limit := options.pop(name.removeprefix("--").replace("-", "_"))) is not None
            }
            return command(*args, allowed=given, **options)

        decorated: Any = with_allowances
        for name in reversed(names):
            _, kind, help_text = ALLOWANCES[name]
            declare = click.option(name, type=_LimitType(kind), metavar="N", help=help_text)
            decorated = declare(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate
