"""Read a target back, find how it differs from what it acknowledged, and repair that."""

from scimsync.reconcile.drift_findings import Drift, FindingLog, ReconcileFinding, TargetFindings
from scimsync.reconcile.opened import ReadSettings
from scimsync.reconcile.own_forms import learn_own_forms
from scimsync.reconcile.reconciliation import Findings, reconcile
from scimsync.reconcile.record import record_findings
from scimsync.reconcile.repair import repair_of

__all__ = [
    "Drift",
    "FindingLog",
    "Findings",
    "ReadSettings",
    "ReconcileFinding",
    "TargetFindings",
    "learn_own_forms",
    "reconcile",
    "record_findings",
    "repair_of",
]
