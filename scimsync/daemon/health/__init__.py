"""Says over HTTP how the daemon is: /healthz, /readyz, /metrics."""

from __future__ import annotations

from scimsync.daemon.health.place import HealthPlace
from scimsync.daemon.health.server import HealthServer
from scimsync.daemon.health.watched import Condition, Watched

__all__ = ["Condition", "HealthPlace", "HealthServer", "Watched"]
