"""Orchestrate a run: read the sources, plan, apply the guards, execute, remember.

`plan` and `push` are the entry points. Every other module of the package serves these two.
"""

from scimsync.run.push import RunOutcome, TargetOutcome, plan, push

__all__ = ["RunOutcome", "TargetOutcome", "plan", "push"]
