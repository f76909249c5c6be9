"""Orchestrate a run: read the sources, plan, apply the guards, execute, and store the outcome.

`plan` and `push` are the entry points. Every other module of the package serves these two.
"""

from scimsync.run.options import Options, Report
from scimsync.run.outcome import RunOutcome, TargetOutcome
from scimsync.run.plan import PlannedRun, plan
from scimsync.run.push import push

__all__ = [
    "Options",
    "PlannedRun",
    "Report",
    "RunOutcome",
    "TargetOutcome",
    "plan",
    "push",
]
