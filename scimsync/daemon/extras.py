"""Packages that only some commands need, installed by the extras of scimsync."""

from __future__ import annotations

from importlib.util import find_spec

from scimsync.errors import ConfigError


def require_extra(module: str, extra: str) -> None:
    """Raise ConfigError if `module` is not installed; `extra` is the extra that installs it.

    Call it before each import of `module`.
    """
    if find_spec(module) is None:
        package = module.replace("_", "-")
        raise ConfigError(
            f"{package} is not installed",
            hint=f"install it with: pip install 'scimsync[{extra}]'",
            code="SYNC-0913",
        )
