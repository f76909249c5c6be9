"""Which targets are at one url."""

from __future__ import annotations

from pathlib import Path

import pytest

from scimsync.builtin import parse
from scimsync.config.same_url import at_same_service, at_same_url, normalized_url, shared_url

SOURCE = '[sources.hr]\ntype = "file"\npath = "hr.csv"\nkey = "id"\n'


def target(name: str, url: str, token: str = "env:TOKEN") -> str:
    auth = f'auth = {{ type = "bearer", token = "{token}" }}'
    return f'[targets.{name}]\nurl = "{url}"\n{auth}\n[targets.{name}.user]\nuserName = "email"\n'


@pytest.mark.parametrize(
    ("url", "other", "same"),
    [
        ("https://a.example.com/scim", "https://A.Example.com:443/scim/", True),
        ("https://a.example.com/%7Eorg/v2", "https://a.example.com/~org/v2", True),
        ("http://localhost/v2", "http://localhost:80/v2", True),
        ("https://a.example.com/scim", "https://a.example.com/SCIM", False),
        ("https://a.example.com/scim", "https://a.example.com:8443/scim", False),
        ("https://a.example.com/scim", "https://b.example.com/scim", False),
        ("https://a.example.com/a%2Fb", "https://a.example.com/a/b", False),
    ],
)
def test_spellings_of_one_url(url: str, other: str, *, same: bool) -> None:
    assert (normalized_url(url) == normalized_url(other)) is same


def test_targets_share_accounts_only_with_the_same_authentication() -> None:
    url = "https://a.example.com/scim"
    text = SOURCE + target("one", url) + target("two", f"{url}/") + target("far", url, "env:FAR")
    config = parse(text, Path("sync.toml"))

    assert at_same_url(config, "one") == ["two", "far"]
    assert at_same_service(config, "one") == ["two"]
    shared = shared_url(config, "far")
    assert shared is not None
    assert shared.text == (
        "has the same url as the targets one, two, with another authentication: is it another"
        " tenant?"
    )
