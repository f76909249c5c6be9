"""Bearer tokens: who gets them, and that they are not shown."""

from __future__ import annotations

import asyncio

import pytest

from scimsync.transport.auth.bearer import BearerAuthenticator
from scimsync.transport.request_errors import BaseUrlError, ForeignOriginError

TOKEN = "s3cr3t-t0ken"


@pytest.mark.parametrize(
    "url", ["https://wiki.example.com/v2/Users", "https://WIKI.example.com:443/other"]
)
def test_its_origin_gets_the_token(url: str) -> None:
    authenticator = BearerAuthenticator(TOKEN, "https://wiki.example.com/v2")

    assert asyncio.run(authenticator.headers(url)) == {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "url",
    [
        "https://wiki.example.com.evil.org/",
        "http://wiki.example.com/",
        "https://wiki.example.com:444/",
    ],
)
def test_another_origin_does_not_get_the_token(url: str) -> None:
    authenticator = BearerAuthenticator(TOKEN, "https://wiki.example.com:443/v2")

    with pytest.raises(ForeignOriginError, match=r"^the token is not meant for \S+$"):
        asyncio.run(authenticator.headers(url))


def test_a_rejected_token_is_not_replaced() -> None:
    authenticator = BearerAuthenticator(TOKEN, "https://wiki.example.com")

    assert asyncio.run(authenticator.refresh({"Authorization": f"Bearer {TOKEN}"})) is False


@pytest.mark.parametrize(
    "written",
    [
        "canary/7Y+q==",
        r"canary\/7Y+q==",
        r"canary\u002F7Y\u002Bq\u003d=",
        "canary&#x2F;7Y&#43;q&#061;&equals;",
        "canary%2f7Y%2Bq%3D%3D",
    ],
)
def test_a_token_is_not_shown_however_it_is_written(written: str) -> None:
    authenticator = BearerAuthenticator("canary/7Y+q==", "https://wiki.example.com")

    assert authenticator.redact(f"invalid token {written}, says the target") == (
        "invalid token ***, says the target"
    )
    assert repr(authenticator) == "BearerAuthenticator('***', 'https://wiki.example.com')"


@pytest.mark.parametrize("token", ["", "a b", "a\n", "ø", "a\r\nX: y"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(BaseUrlError, match=r"^the bearer token is empty or contains") as caught:
        BearerAuthenticator(token, "https://wiki.example.com")

    assert not token or token not in str(caught.value)
