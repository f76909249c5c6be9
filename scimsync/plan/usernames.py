"""The holders of the userNames that a batch wants, and whether this plan frees the names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from scimsync.desired import Desired
from scimsync.model.ids import Key, Kind, fold_name
from scimsync.model.links import Link, LinkStatus
from scimsync.plan.candidates import NameHolder
from scimsync.plan.protocols import PlanningState

LONGEST_CHAIN = 5000
"""The longest chain of users taking each other's userNames that the planner follows. The push
finds conflicts beyond it."""

Desire = Callable[[Sequence[Key]], tuple[Mapping[Key, Desired], Mapping[Key, str]]]
"""Keys -> what they should be, and why some cannot be worked out."""


class NameHolders:
    """A look-up of the holders of userNames.

    `deletable` returns those of some links whose account this plan deletes if it is unwanted.
    `updates` says whether the plan changes accounts at all, and `keeps` whether it must not change
    the account of a link.
    """

    def __init__(
        self,
        state: PlanningState,
        desire: Desire,
        deletable: Callable[[Sequence[Link]], Collection[Key]],
        *,
        updates: bool,
        keeps: Callable[[Link], bool] = lambda _: False,
    ) -> None:
        self._state = state
        self._desire = desire
        self._deletable = deletable
        self._updates = updates
        self._keeps = keeps

    def find(self, names: Collection[str]) -> dict[str, NameHolder]:
        """Return the holders of folded names.

        A user that takes another name gives up the current one only if the other is free by then.
        Such chains are followed to their end.
        """
        known: dict[str, Link] = {}
        takes: dict[str, str] = {}  # the name that a user gives up -> the name that it takes
        gives_up: dict[str, bool] = {}
        holding = self._state.name_holders(Kind.USER, sorted(names)) if names else {}
        while holding and len(known) < LONGEST_CHAIN:
            known |= holding
            self._note_changes(holding, gives_up, takes)
            further = _not_looked_up(holding, takes, known)
            holding = self._state.name_holders(Kind.USER, further) if further else {}
        return {
            name: NameHolder(
                link.key,
                comes_free(name, gives_up, takes),
                active=link.status is not LinkStatus.INACTIVE,
                certain=link.unique_name == name,
            )
            for name, link in known.items()
        }

    def _note_changes(
        self, holding: Mapping[str, Link], gives_up: dict[str, bool], takes: dict[str, str]
    ) -> None:
        """Note which names their holders give up, and which ones they take instead."""
        deletable = self._deletable(list(holding.values()))
        desired, failures = self._desire([link.key for link in holding.values()])
        for name, link in holding.items():
            wanted = desired.get(link.key)
            if link.key in failures or self._keeps(link) or link.unique_name != name:
                gives_up[name] = False
            elif wanted is None or not wanted.in_scope:
                gives_up[name] = link.key in deletable
            else:
                taken = fold_name(wanted.document.get("userName"))
                gives_up[name] = self._updates and taken != name
                if gives_up[name] and taken is not None:
                    takes[name] = taken


def _not_looked_up(
    names: Iterable[str], takes: Mapping[str, str], known: Collection[str]
) -> list[str]:
    """Return the names that holders of `names` take and whose own holders are not known yet."""
    taken = (takes.get(name) for name in names)
    return [name for name in taken if name is not None and name not in known]


def comes_free(name: str, gives_up: Mapping[str, bool], takes: Mapping[str, str]) -> bool:
    """Return whether a name comes free.

    It does if its holder gives it up and the name that the holder takes comes free too, or if the
    chain is a cycle.
    """
    seen: set[str] = set()
    while name in gives_up and name not in seen:
        if not gives_up[name]:
            return False
        seen.add(name)
        if name not in takes:
            return True
        name = takes[name]
    return True
