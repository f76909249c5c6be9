"""Render how two plans differ, as text and as JSON documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from rich.console import Console
from rich.text import Text

from scimsync.formatting import printable
from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.memberships import member_of
from scimsync.plan.document_diff import short_path
from scimsync.plan.plan_diff import PlanDifference, TargetDiff
from scimsync.plan.render.text import (
    SHOWN_AT_MOST,
    change_text,
    print_operation,
    print_values,
    text_console,
)
from scimsync.plan.render.words import MEMBERS_SHOWN, SIGNS, named, subject
from scimsync.plan.shown_plan import ShownOperation


def diff_document(old: str, new: str, targets: Sequence[TargetDiff]) -> dict[str, Any]:
    """Return `diff --json`. `old` and `new` are the names of the files."""
    return {
        "old": old,
        "new": new,
        "differ": any(target.differs for target in targets),
        "targets": {target.name: _target_document(target) for target in targets},
    }


def _target_document(target: TargetDiff) -> dict[str, Any]:
    old, new = target.errors
    return {
        "only_old": list(_documents(target.only_old)),
        "only_new": list(_documents(target.only_new)),
        "changed": [
            {
                "kind": one.kind,
                "key": one.key,
                "old": [operation.document for operation in one.old],
                "new": [operation.document for operation in one.new],
            }
            for one in target.changed
        ],
        "same": target.same,
    } | ({} if old == new else {"errors": {"old": old, "new": new}})


def _documents(differences: Sequence[PlanDifference]) -> Iterator[Any]:
    return (one.document for each in differences for one in (*each.old, *each.new))


def text_diff(
    old: str, new: str, targets: Sequence[TargetDiff], console: Console | None = None
) -> None:
    """Print how two plans differ to `console`, by default to stdout."""
    out = console or text_console()
    for target in targets:
        if target.differs:
            _print_target(out, old, new, target)
    for target in targets:
        out.print(
            Text.assemble((printable(target.name), "bold"), f": {_summary(old, new, target)}")
        )


def _summary(old: str, new: str, target: TargetDiff) -> str:
    words = [
        f"{len(some):,} {what}"
        for some, what in (
            (target.only_old, f"only in {printable(old)}"),
            (target.only_new, f"only in {printable(new)}"),
            (target.changed, "different"),
        )
        if some
    ]
    return ", ".join([*words, f"{target.same:,} the same"]) if target.differs else "no difference"


def _print_target(out: Console, old: str, new: str, target: TargetDiff) -> None:
    out.print(Text(printable(target.name), "bold"))
    for name, error in zip((old, new), target.errors, strict=True):
        if error is not None and target.errors[0] != target.errors[1]:
            out.print(Text(f"  no plan in {printable(name)}: {printable(error)}"))
    for name, some in ((old, target.only_old), (new, target.only_new)):
        if some:
            out.print(Text(f"  only in {printable(name)}:", "underline"))
        _print_bounded(out, list(_operations(some)))
    if target.changed:
        out.print(Text("  different:", "underline"))
    for one in target.changed[:SHOWN_AT_MOST]:
        _print_changed(out, old, new, one)
    _print_more(out, len(target.changed))
    out.print()


def _operations(differences: Sequence[PlanDifference]) -> Iterator[ShownOperation]:
    return (one.shown for each in differences for one in (*each.old, *each.new))


def _print_bounded(out: Console, operations: Sequence[ShownOperation]) -> None:
    for operation in operations[:SHOWN_AT_MOST]:
        print_operation(out, operation)
    _print_more(out, len(operations))


def _print_more(out: Console, number: int) -> None:
    if number > SHOWN_AT_MOST:
        out.print(Text(f"  and {number - SHOWN_AT_MOST:,} more; --json shows all", "dim"))


def _print_changed(out: Console, old: str, new: str, one: PlanDifference) -> None:
    """Print what both plans do with one resource, and how each changes what differs."""
    before, after = (_actions(side) for side in (one.old, one.new))
    differing = "" if before == after else f"  {before} in {old}, {after} in {new}"
    entry = one.new[0].shown
    action = entry.operation.action
    sign, style = SIGNS[action]
    start = (f"{sign} {action:<14} ", style)
    who = (subject(entry.operation, entry.name), "bold")
    out.print(Text.assemble("  ", start, who, printable(differing)))
    changes = one.changes
    if not changes:
        out.print(Text("      the same changes, by other requests", "dim"))
    elif one.is_about_members:
        _print_members(out, old, new, one)
    else:
        print_values(out, list(_values(old, new, changes)))


def _actions(side: Sequence[Any]) -> str:
    return " and ".join(dict.fromkeys(one.shown.operation.action for one in side))


def _values(
    old: str, new: str, changes: Sequence[tuple[Change | None, Change | None]]
) -> Iterator[tuple[str, Text]]:
    width = max(len(old), len(new)) + 2
    for pair in changes:
        path = next(short_path(change.path) for change in pair if change is not None)
        for name, change in zip((old, new), pair, strict=True):
            value = Text("unchanged", "dim") if change is None else change_text(change)
            yield path, Text.assemble((f"{printable(name)}: ".ljust(width), "dim"), value)
            path = ""


def _print_members(out: Console, old: str, new: str, one: PlanDifference) -> None:
    names = dict(chain.from_iterable(each.shown.names.items() for each in (*one.old, *one.new)))
    for name, side in ((old, 0), (new, 1)):
        changes = [member_of(change) for pair in one.changes if (change := pair[side]) is not None]
        for sign, style, added in (("-", "red", False), ("+", "green", True)):
            members = [
                named(key, names.get(key) if kind is Kind.USER else None)
                for kind, key, is_added in changes
                if is_added is added
            ]
            if members:
                left = len(members) - MEMBERS_SHOWN
                out.print(
                    Text.assemble(
                        "      ",
                        (f"{sign} ", style),
                        ", ".join(members[:MEMBERS_SHOWN]),
                        (f" and {left:,} more" if left > 0 else "", "dim"),
                        (f"  only in {printable(name)}", "dim"),
                    )
                )
