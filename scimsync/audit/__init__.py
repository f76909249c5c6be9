"""The audit report: when access was to end, when it ended, and what shows it.

Everything in it comes from the state database. What the journal does not tell is None, and reports
say "not recorded" in its place.
"""

from scimsync.audit.collect import audit_people
from scimsync.audit.report_values import AuditReport

__all__ = ["AuditReport", "audit_people"]
