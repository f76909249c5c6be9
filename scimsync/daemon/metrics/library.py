"""Whether prometheus-client, which is optional, is there."""

from __future__ import annotations

from importlib.util import find_spec

from scimsync.errors import ConfigError


def require() -> None:
    """Raises ConfigError where it is missing. Comes before each import of it."""
    if find_spec("prometheus_client") is None:
        raise ConfigError(
            "metrics: this needs prometheus-client",
            hint="pip install 'scimsync[metrics]' brings it",
        )
