"""Twelve months of the made-up company, as HR and the administrator live through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.lifecycle.company import PROJECTS, Company, Rules, Team

Month = Callable[[Company, Rules], Rules]


def _noise(company: Company) -> None:
    """What happens every month: some come, some go, some move, some get other projects."""
    for _ in range(4):
        company.join()
    for key in company.some(4, ordinary=True):
        company.leave(key)
    for key in company.some(5, ordinary=True):
        company.move(key)
    for key in company.some(5):
        company.change(key, projects=tuple(company.chance.sample(PROJECTS, 2)))


def founded(company: Company, rules: Rules) -> Rules:
    return rules


def first_changes(company: Company, rules: Rules) -> Rules:
    _noise(company)
    for key in company.some(3, ordinary=True):
        company.rename(key, "Ødegård")
    newcomer = company.join(dept="Support")
    company.teams["T4"] = replace(
        company.teams["T4"], members=(*company.teams["T4"].members, newcomer, "9999")
    )
    return rules


def rehires_and_swaps(company: Company, rules: Rules) -> Rules:
    """Two of last month's leavers come back; two people swap names, three others in a ring."""
    for key in sorted(company.gone)[:2]:
        company.come_back(key, dept="Legal", title="Returned")
    _noise(company)
    some = company.some(5, ordinary=True)
    company.swap(*some[:2])
    company.swap(*some[2:])
    return rules


def support_is_renamed(company: Company, rules: Rules) -> Rules:
    for key in company.department("Support"):
        company.change(key, dept="Customer Care")
    _noise(company)
    return replace(rules, crm_departments=("Sales", "Customer Care"))


def a_third_target(company: Company, rules: Rules) -> Rules:
    """Added in the middle of the year; one of the leads goes, and the reports keep the name for a
    while."""
    _noise(company)
    company.leave(company.leads[0])
    return replace(rules, vault=True)


def a_month_of_leave(company: Company, rules: Rules) -> Rules:
    """Some are away for long: out of the wiki, switched off in the CRM. One who was deleted long
    ago comes back."""
    _noise(company)
    for key in [*company.some(8, ordinary=True), company.leads[1]]:
        company.change(key, status="away")
    company.come_back(sorted(company.gone)[0])
    return rules


def it_is_split(company: Company, rules: Rules) -> Rules:
    for key in company.department("IT")[::2]:
        company.change(key, dept="Platform")
    _noise(company)
    return replace(rules, admin_departments=("IT", "Platform"))


def teams_change(company: Company, rules: Rules) -> Rules:
    """Fewer are admins; a team is renamed, one ends, one begins inside of another, two exchange
    members."""
    _noise(company)
    teams = company.teams
    teams["T1"] = replace(teams["T1"], name="Team Uno", children=("T15", "T11"))
    del teams["T8"]
    teams["T15"] = Team("T15", "Team 15", tuple(sorted(company.some(9))))
    teams["T5"], teams["T6"] = (
        replace(teams["T5"], members=teams["T6"].members),
        replace(teams["T6"], members=teams["T5"].members),
    )
    return replace(rules, admin_level=5)


def projects_end_and_titles_begin(company: Company, rules: Rules) -> Rules:
    """A table of groups leaves sync.toml, an attribute comes in."""
    _noise(company)
    return replace(rules, wiki_projects=False, crm_title=True)


def back_to_work(company: Company, rules: Rules) -> Rules:
    """Those who were away are back, some elsewhere; a leaver's account in the CRM is deleted."""
    for key in sorted(company.people):
        if company.people[key].status == "away":
            company.change(key, status="active")
    _noise(company)
    leaver = company.department("Sales")[-1]
    company.freed_login = company.people[leaver].login
    company.leave(leaver)
    some = company.some(4, ordinary=True)
    company.swap(*some)
    company.rename(some[0], "Zimt")
    return rules


def a_region_closes(company: Company, rules: Rules) -> Rules:
    """Nobody is in the West any more: the group stays, empty. Movers lose what they had
    everywhere. A name that a leaver had in the CRM last month is somebody else's now."""
    _noise(company)
    company.join(dept="Sales", login=company.freed_login)
    for key, one in list(company.people.items()):
        if one.region == "West":
            company.change(key, region="South")
    for key in company.department("Platform")[:6]:
        company.change(key, dept="Stores", level=2)
    return rules


def everything_at_once(company: Company, rules: Rules) -> Rules:
    """Two departments become one, a region opens again, accounts are deleted earlier, rehires,
    teams anew."""
    for key in company.department("Legal"):
        company.change(key, dept="Finance")
    for key in company.some(6, ordinary=True):
        company.change(key, region="West")
    for key in sorted(company.gone)[-3:]:
        company.come_back(key, level=5, dept="IT")
    _noise(company)
    for name in ("T2", "T9", "T12"):
        company.teams[name] = replace(company.teams[name], members=tuple(sorted(company.some(15))))
    return replace(rules, months_until_deletion=1, admin_level=4)


MONTHS: tuple[Month, ...] = (
    founded,
    first_changes,
    rehires_and_swaps,
    support_is_renamed,
    a_third_target,
    a_month_of_leave,
    it_is_split,
    teams_change,
    projects_end_and_titles_begin,
    back_to_work,
    a_region_closes,
    everything_at_once,
)


def live(company: Company) -> Iterator[tuple[str, Rules]]:
    """Lives through the year; gives each month's name and the rules that hold then."""
    rules = Rules()
    for month in MONTHS:
        rules = month(company, rules)
        yield month.__name__, rules
