"""What happens in a company, and what its application should hold afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.interop.site import Site
from tests.office import people, person

Scenario = Callable[[Site], None]

SCENARIOS: Final[dict[str, Scenario]] = {}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    """Register a scenario."""

    def register(play: Scenario) -> Scenario:
        SCENARIOS[name] = play
        return play

    return register


@scenario("join")
def join(site: Site) -> None:
    """New accounts are created, first with the company and then one at a time."""
    site.settle(people(6))
    site.settle(people(7))


@scenario("move")
def move(site: Site) -> None:
    """Attributes change."""
    site.settle(people(6))
    site.settle(
        [person(1, family="Married"), person(2, given="Another", family="Name"), *people(6)[2:]]
    )


@scenario("rename")
def rename(site: Site) -> None:
    """A userName and an e-mail address change."""
    site.settle(people(6))
    site.settle([person(1, email="renamed@example.com"), *people(6)[1:]])


@scenario("swap")
def swap(site: Site) -> None:
    """Two people swap userNames and e-mail addresses."""
    one, two, *others = people(6)
    site.settle([one, two, *others])
    site.settle([one | {"email": two["email"]}, two | {"email": one["email"]}, *others])


@scenario("leave")
def leave(site: Site) -> None:
    """The account of a leaver is deactivated."""
    site.settle(people(6))
    site.settle(people(5), left=[person(6)])
