"""Read a target back, find how it differs from what it acknowledged, and repair that."""

from scimsync.reconcile.findings import Drift, Finding, FindingLog, TargetFindings
from scimsync.reconcile.opened import ReadSettings
from scimsync.reconcile.reconcile import Findings, reconcile

__all__ = [
    "Drift",
    "Finding",
    "FindingLog",
    "Findings",
    "ReadSettings",
    "TargetFindings",
    "reconcile",
]
