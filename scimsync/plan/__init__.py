"""Plan: from what should be and what is to operations.

`TargetPlanner` makes the plan of one target, and `Plan` is what a run passes on. The package asks
the state, the snapshot and the target through its own protocols. It knows no database, HTTP or
clock.
"""

from scimsync.plan.definition import Plan, TargetPlan, Violation
from scimsync.plan.guard import Allowance
from scimsync.plan.planner import Now
from scimsync.plan.target_planner import Scope, TargetPlanner

__all__ = ["Allowance", "Now", "Plan", "Scope", "TargetPlan", "TargetPlanner", "Violation"]
