"""Alerts, and the notifications about them.

A run, a look at files, or a reload gives findings. `update_alerts` fires and resolves alerts by
them and puts notifications into the outbox, in one transaction. `deliver` sends the contents of the
outbox. Alerts and outbox are in the state, so the daemon and a push started by cron notify about
each problem once.
"""

from __future__ import annotations

from scimsync.daemon.notify.alerting import AlertTransition, Finding, Notification
from scimsync.daemon.notify.delivery import deliver, next_delivery
from scimsync.daemon.notify.outbox import (
    enqueue_summary,
    forget_unconfigured,
    render_summary,
    update_alerts,
)
from scimsync.daemon.notify.push_findings import (
    config_finding,
    drift_findings,
    findings_of_blocked,
    findings_of_error,
    findings_of_push,
    stale_findings,
)
from scimsync.daemon.notify.receivers import check_receivers

__all__ = [
    "AlertTransition",
    "Finding",
    "Notification",
    "check_receivers",
    "config_finding",
    "deliver",
    "drift_findings",
    "enqueue_summary",
    "findings_of_blocked",
    "findings_of_error",
    "findings_of_push",
    "forget_unconfigured",
    "next_delivery",
    "render_summary",
    "stale_findings",
    "update_alerts",
]
