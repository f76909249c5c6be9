"""Carries a plan out: phases, concurrency, rate, retries, and what follows from each answer.

`plan` and `push` are what a person starts; all else here serves these two.
"""

from scimsync.execute.push import Outcome, TargetOutcome, plan, push

__all__ = ["Outcome", "TargetOutcome", "plan", "push"]
