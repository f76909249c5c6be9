"""The audit report: when access should have ended, when it ended, and the evidence.

Everything in it comes from the state database. Anything that the journal does not contain is None,
and reports say "not recorded" instead.
"""

from scimsync.audit.collect import audit_people
from scimsync.audit.report_values import AuditReport

__all__ = ["AuditReport", "audit_people"]
