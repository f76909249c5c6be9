"""When access tokens are requested: once for all requests that wait, and before they expire."""

from __future__ import annotations

import asyncio

import pytest

from scimsync.transport.auth.oauth2_tokens import AccessToken, OAuth2Authenticator
from scimsync.transport.request_errors import TokenRefused

URL = "https://wiki.example.com/v2/Users"


class Endpoint:
    """Issues `token-1`, `token-2`, … of one lifetime, and lets other tasks run before it does."""

    def __init__(self, lifetime: float | None = 600.0) -> None:
        self.lifetime = lifetime
        self.requests = 0
        self.asked = 0
        self.refuses = False

    @property
    def secrets(self) -> list[str]:
        return []

    async def fetch(self) -> AccessToken:
        await asyncio.sleep(0)
        self.asked += 1
        if self.refuses:
            raise TokenRefused("no token")
        self.requests += 1
        return AccessToken(f"token-{self.requests}", self.lifetime)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def used(authenticator: OAuth2Authenticator, concurrency: int = 1) -> set[str]:
    """The tokens that so many requests at once are sent with."""

    async def ask() -> set[str]:
        asked = [authenticator.headers(URL) for _ in range(concurrency)]
        return {headers["Authorization"] for headers in await asyncio.gather(*asked)}

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("lifetime", "kept_until"), [(600.0, 539.0), (80.0, 59.0), (0.4, 0.29), (None, 1e9)]
)
def test_a_token_is_replaced_before_it_expires_and_once_for_all_requests(
    lifetime: float | None, kept_until: float
) -> None:
    endpoint, clock = Endpoint(lifetime), Clock()
    authenticator = OAuth2Authenticator(endpoint, URL, lambda _: None, clock)

    assert used(authenticator, 64) == {"Bearer token-1"}
    clock.now = kept_until
    assert used(authenticator, 64) == {"Bearer token-1"}
    if lifetime is not None:
        clock.now = lifetime
        assert used(authenticator, 64) == {"Bearer token-2"}
    assert endpoint.requests == (1 if lifetime is None else 2)


def test_requests_that_are_rejected_at_the_same_time_share_one_new_token() -> None:
    endpoint = Endpoint()
    authenticator = OAuth2Authenticator(endpoint, URL, lambda _: None, Clock())

    async def rejected() -> list[bool]:
        headers = await authenticator.headers(URL)
        return await asyncio.gather(*(authenticator.refresh(headers) for _ in range(64)))

    assert asyncio.run(rejected()) == [True] * 64
    assert endpoint.requests == 2


def test_a_replacement_that_is_refused_leaves_the_token_in_use_and_is_not_asked_for_again() -> None:
    endpoint = Endpoint()
    authenticator = OAuth2Authenticator(endpoint, URL, lambda _: None, Clock())

    async def rejected() -> None:
        headers = await authenticator.headers(URL)
        endpoint.refuses = True
        for error in await asyncio.gather(
            *(authenticator.refresh(headers) for _ in range(8)), return_exceptions=True
        ):
            assert isinstance(error, TokenRefused)

    asyncio.run(rejected())
    assert endpoint.asked == 2
    assert used(authenticator) == {"Bearer token-1"}
