"""`scimsync profiles`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import Output, Part, write_json
from scimsync.errors import coded
from scimsync.scim.profiles import GENERIC, PROFILES, Profile

_GROUPS = {
    "full": "yes",
    "update": "can be updated, but not created or deleted",
    "link": "are linked to those that exist under the same name",
    "none": "no",
    "unknown": "not known",
}
_DEACTIVATION = {
    "deactivate": "deactivates the account",
    "remove": "removes the user from the organization",
    "forget": "removes the user from the organization; someone who returns gets a new account",
    "delete": "deletes the account for good",
}
_DELETION = {
    "delete": "deletes the account",
    "irreversible": "deletes the account, which cannot be undone",
    "remove": "removes the user from the organization, and keeps the account",
    "deactivate": "deactivates the account",
    "refuse": "is refused",
}

_PAGING = {
    "index": "are requested by start index",
    "cursor": "are requested by cursor (RFC 9865)",
    "none": "cannot be requested: the list shows its first page only",
}


@click.command()
@click.argument("word", required=False)
@common_options_without("targets", "keys")
def command(options: CommonOptions, word: str | None) -> None:
    """List the known products, or show the one called WORD.

    WORD is the name of a profile, or a part of a product's name or URL. A target uses a profile by
    profile = "NAME".
    """
    found = _matching(word)
    if not found:
        raise click.UsageError(
            coded(f"no profile matches {word!r}; scimsync profiles lists all", "SYNC-0914")
        )
    if options.as_json:
        write_json({"profiles": [_document(profile) for profile in found]})
    elif len(found) == 1:
        _show(Output(), found[0])
    else:
        rows: list[list[Part]] = [
            [(profile.name, "bold"), profile.product, (profile.url or "", "dim")]
            for profile in found
        ]
        Output().rows(rows, indent=0)


def _matching(word: str | None) -> list[Profile]:
    """Return the profile of this name, or else all with the word in name, product or URL."""
    if word is not None and word in PROFILES:
        return [PROFILES[word]()]
    profiles = [read() for name, read in PROFILES.items() if name != GENERIC]
    part = (word or "").lower()
    return [
        profile
        for profile in profiles
        if part in f"{profile.name} {profile.product} {profile.url or ''}".lower()
    ]


def _show(output: Output, profile: Profile) -> None:
    output.line((profile.product or profile.name, "bold"))
    output.rows([[(name, "dim"), value] for name, value in _facts(profile).items()])
    if profile.notes:
        output.blank()
        for note in profile.notes:
            output.line(f"- {note}", indent=2)
    output.blank()
    for source in profile.sources:
        version = f", {source.version}" if source.version else ""
        seen = "seen at the product" if source.verified else "not tried at the product"
        output.line(f"source: {source.page}{version}, read {source.read}; {seen}", indent=2)


def _facts(profile: Profile) -> dict[str, str]:
    facts = {
        "profile": profile.name,
        **({} if profile.type == "scim" else {"type": profile.type}),
        "url": profile.url or "shown by the product",
        "authentication": ", ".join(profile.auth) or "not known",
        "groups": _GROUPS[profile.groups],
        **({} if profile.members_returned else {"members": "are not shown by groups"}),
        **({"new users": "get an invitation"} if profile.invite else {}),
        "active = false": _DEACTIVATION[profile.deactivate_means],
        "DELETE of a user": _DELETION[profile.delete_means],
        **({} if profile.id_is is None else {"id of a user": f"is its {profile.id_is}"}),
        **_lists(profile),
        **({} if profile.paging is None else {"pages of lists": _PAGING[profile.paging]}),
        **_delay(profile),
        "matches by": ", ".join(profile.match) or "externalId, userName",
        "required": ", ".join(profile.required) or "not known",
        "stores": ", ".join(profile.attributes) or "not known",
        **_values(profile),
        "members in a PATCH": _members(profile),
        "rate": _rate(profile),
    }
    if profile.bulk is not None:
        facts["bulk requests"] = "used" if profile.bulk else "not used"
    return facts


def _members(profile: Profile) -> str:
    """Return how many members a PATCH may change."""
    most, removals = profile.members_per_patch, profile.removals_per_patch
    if removals is None:
        return f"at most {most}"
    return f"at most {most} new ones, or {removals} removed"


def _rate(profile: Profile) -> str:
    limits = [] if profile.rate is None else [f"{profile.rate:g} a second"]
    return "; ".join([*limits, *map(str, profile.rates)]) or "no limit known"


def _values(profile: Profile) -> dict[str, str]:
    """Return the facts about single attributes and their values."""
    facts = {
        "not supported": ", ".join(profile.not_supported),
        "never changed": ", ".join(profile.immutable),
        "never changed in groups": ", ".join(profile.group_immutable),
        "never returned": ", ".join(profile.send_only),
        "filters": ", ".join(
            f"{path} is found only with {needed}" for path, needed in profile.filter_needs.items()
        ),
        "one value": ", ".join(profile.equal),
        "longest values": ", ".join(
            f"{path} {number} characters" for path, number in profile.max_chars.items()
        ),
        "refused characters": " ".join(profile.forbidden),
        "tokens": f"live {profile.token_expires} days" if profile.token_expires else "",
    }
    return {name: fact for name, fact in facts.items() if fact}


def _delay(profile: Profile) -> dict[str, str]:
    if not profile.write_delay:
        return {}
    return {"reads": f"may show what was there before for {profile.write_delay} seconds"}


def _lists(profile: Profile) -> dict[str, str]:
    """Return what lists show, where they do not show everything."""
    if profile.lists_lie:
        return {"lists": "do not show real resources; users and groups are found only by filters"}
    if profile.sees_only_own:
        return {"lists": "show only what SCIM created; another account may still exist"}
    return {}


def _document(profile: Profile) -> dict[str, Any]:
    return asdict(profile)
