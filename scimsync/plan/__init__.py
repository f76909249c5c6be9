"""From what should be and what is to operations: pure functions, without clock, network or
database."""

from scimsync.plan.users import make_plan

__all__ = ["make_plan"]
