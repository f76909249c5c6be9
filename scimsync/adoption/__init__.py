"""The report before the first push: which existing accounts and groups scimsync would take over."""

from scimsync.adoption.examine import examine
from scimsync.adoption.report import AdoptionReport, TargetReport

__all__ = ["AdoptionReport", "TargetReport", "examine"]
