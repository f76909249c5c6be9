"""Plan: compare what should exist with what exists, and derive operations.

`TargetPlanner` makes the plan of one target, and `Plan` is the plan of a run. The package reads the
state, the snapshot and the target through its own protocols. It uses no database, HTTP or clock.
"""

from scimsync.plan.definition import Plan, TargetPlan, Violation
from scimsync.plan.guard import Allowance
from scimsync.plan.now import Now
from scimsync.plan.target_planner import Scope, TargetPlanner

__all__ = ["Allowance", "Now", "Plan", "Scope", "TargetPlan", "TargetPlanner", "Violation"]
