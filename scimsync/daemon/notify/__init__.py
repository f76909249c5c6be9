"""Who is told when something needs a person, and when it is over.

A run, a look at files, a reload give `Finding`s; `note` remembers what is new in them and puts
messages on their way; `deliver` brings these to their receivers. All of it lies in the state: the
daemon and a `push` that cron starts tell the same things once.
"""

from __future__ import annotations

from scimsync.daemon.notify.delivery import deliver, next_delivery
from scimsync.daemon.notify.findings import (
    config_finding,
    findings_of_error,
    findings_of_push,
    stale_findings,
)
from scimsync.daemon.notify.model import Change, Finding
from scimsync.daemon.notify.outbox import forget_unknown, note, note_summary, summary
from scimsync.daemon.notify.ways import check_receivers

__all__ = [
    "Change",
    "Finding",
    "check_receivers",
    "config_finding",
    "deliver",
    "findings_of_error",
    "findings_of_push",
    "forget_unknown",
    "next_delivery",
    "note",
    "note_summary",
    "stale_findings",
    "summary",
]
