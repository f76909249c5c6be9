"""The HTTP endpoint of the daemon: /healthz, /readyz, /metrics."""

from __future__ import annotations

from scimsync.daemon.health.endpoint import HealthEndpoint
from scimsync.daemon.health.probes import Probes, ProbeStatus

__all__ = ["HealthEndpoint", "ProbeStatus", "Probes"]
