"""Checks of the expressions of a target over all records of its sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.cli.commands.check.mapped_values import TargetValues, rules_by_name
from scimsync.desired import DesireError
from scimsync.desired.program import Desired, Program
from scimsync.desired.survey import Failures, Resolve, Survey
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Seq
from scimsync.plan.document_diff import nameless_references
from scimsync.plan.named_references import AMBIGUOUS, resolve_names
from scimsync.run.compiled import CompiledTarget
from scimsync.snapshot.view import SnapshotView

_BATCH = 1000


def check_expressions(
    target: CompiledTarget, records: SnapshotView, today: date, values: TargetValues
) -> Iterator[CheckResult]:
    """Warn of expressions that fail for some records, and of references that match no record.

    Add the results of the expressions to `values`.
    """
    subject = Subject("target", target.name)
    users = Survey()
    rules = rules_by_name(target.groups.values())
    add_user = partial(values.add_user, rules=rules)
    evaluate = partial(_evaluate, records, today)
    resolve = partial(_resolve, records, target)
    known = evaluate(users, target.program, target.sources, add_user, resolve)
    yield from _results(subject, users, target, known, "")
    values.add_groups(rules, today)
    for name, rule in target.groups.items():
        if rule.source is not None:
            groups = Survey()
            evaluate(groups, rule.program, [rule.source], values.of_groups(name).add)
            yield from _results(subject, groups, target, known, f"groups.{name}.")


def _evaluate(
    records: SnapshotView,
    today: date,
    survey: Survey,
    program: Program,
    sources: Sequence[str],
    observe: Callable[[Desired], None],
    resolve: Resolve = lambda desired: (desired, []),
) -> set[Key]:
    """Evaluate `program` over all records of `sources`. Return their keys."""
    keys: set[Key] = set()
    for chunk in batches(records.changed_keys(sources, Seq(-1)), _BATCH):
        found = [one for one in records.get(sources, chunk).values() if not one.removed]
        survey.add(program, found, today, observe, resolve)
        keys |= {record.key for record in found}
    return keys


def _resolve(
    records: SnapshotView, target: CompiledTarget, desired: dict[Key, Desired]
) -> tuple[dict[Key, Desired], list[DesireError]]:
    """Resolve references by name, as a plan does."""
    after, ambiguous = resolve_names(records, target.sources, desired)
    where = f"targets.{target.name}.user."
    errors = [
        DesireError(key, f"{where}{name.path}", "", name.detail, {}, code=AMBIGUOUS)
        for key, name in ambiguous.items()
    ]
    return after, errors


def _results(
    subject: Subject, survey: Survey, target: CompiledTarget, known: set[Key], prefix: str
) -> Iterator[CheckResult]:
    for where, failures in survey.failures.items():
        yield _failing(subject, where, failures, survey.records)
    for path, missing, total in survey.nameless(known):
        by = None if prefix else target.program.by(path)
        text = nameless_references(target.sources, f"{prefix}{path}", missing, total, by)
        yield subject.warning(text.removesuffix(" [SYNC-0164]"), code="SYNC-0164")


def _failing(subject: Subject, where: str, failures: Failures, records: int) -> CheckResult:
    first = failures.first
    return subject.warning(
        f"{where}: fails for {failures.number:,} of {plural(records, 'record')}; their accounts do"
        " not change",
        code=first.code,
        details=[f"{first.key}: {first.detail}"],
    )
