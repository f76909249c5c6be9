"""Requests to the server under test, as a provider sends them, and a record of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from scimsync.jsontext import received_json
from scimsync.probe.answers import ProbeResponse
from scimsync.probe.credentials import WrongCredentials
from scimsync.probe.sequence import ProviderSequence
from scimsync.probe.values import Exchange, Headers, RequestPurpose
from scimsync.transport.auth import Authenticator
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.http import HttpConnection, HttpResponse, checked_base_url
from scimsync.transport.request_errors import InvalidResponse, NoResponse, RequestError
from scimsync.transport.retry_policy import TimeSource

_PASSWORD = re.compile(r'("password"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_MAX_WAITS = 3
_LONGEST_WAIT_S = 60.0
_SILENT_AFTER = 3
_CREDENTIALS = ("Authorization", "***")


@dataclass(frozen=True, slots=True)
class Request:
    """A request, ready to be sent. `target` is percent-encoded; `content` is the body in UTF-8."""

    method: str
    target: str
    content: bytes | None = None
    headers: Headers = ()
    wrong_token: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """The server under test: its base URL, credentials (None for none), and how it is reached."""

    url: str
    authenticator: Authenticator | None
    options: ConnectionOptions

    def check(self) -> None:
        """Raise BaseUrlError for a URL that no request may be sent to."""
        checked_base_url(self.url)

    def connect(self, user_agent: str, *, wrong_token: bool = False) -> HttpConnection:
        """Return a connection that sends this User-Agent. Raise BaseUrlError for an unsafe URL."""
        authenticator = self.authenticator
        if wrong_token and authenticator is not None:
            authenticator = WrongCredentials(authenticator)
        return HttpConnection(
            self.url,
            authenticator,
            user_agent=user_agent,
            timeout=self.options.timeout,
            verify=self.options.ssl_context(),
            proxy=self.options.proxy,
            max_connections=1,
        )


@dataclass(slots=True)
class Silence:
    """The number of requests in a row without a response."""

    requests: int = 0


class Server:
    """The server under test, as one provider talks to it.

    Each exchange is appended to `exchanges`. `now` gives the time, aware. Providers share
    `silence`.
    """

    def __init__(
        self,
        origin: Origin,
        sequence: ProviderSequence,
        exchanges: list[Exchange],
        *,
        now: Callable[[], datetime],
        time: TimeSource,
        silence: Silence,
    ) -> None:
        self._origin = origin
        self._sequence = sequence
        self._exchanges = exchanges
        self._now = now
        self._time = time
        self._connections: dict[tuple[str, bool], HttpConnection] = {}
        self._silence = silence

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry credentials."""
        return self._origin.authenticator is not None

    @property
    def is_silent(self) -> bool:
        """Whether the last requests had no response, so that more of them make no sense."""
        return self._silence.requests >= _SILENT_AFTER

    async def aclose(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            await connection.aclose()

    async def send(
        self, request: Request, step: str, purpose: RequestPurpose
    ) -> tuple[ProbeResponse, Exchange]:
        """Send a request, and again after the wait that a rate limit requires, at most 60 s."""
        answer, exchange, wait = await self._send_once(request, step, purpose)
        for _ in range(_MAX_WAITS):
            if answer.status != 429 or wait is None or wait > _LONGEST_WAIT_S:
                break
            await self._time.sleep(wait)
            answer, exchange, wait = await self._send_once(request, step, purpose)
        return answer, exchange

    async def _send_once(
        self, request: Request, step: str, purpose: RequestPurpose
    ) -> tuple[ProbeResponse, Exchange, float | None]:
        headers = _merged(self._sequence.headers, request.headers, request.content is not None)
        user_agent, headers = _user_agent(headers, self._sequence.user_agent)
        connection = self._connection(user_agent, request.wrong_token)
        started, begin = self._now(), self._time.clock()
        wait: float | None = None
        try:
            response = await connection.send(
                request.method, request.target, headers=dict(headers), content=request.content
            )
        except RequestError as error:
            answer = _without_response(error)
        else:
            answer, wait = _answer(response), response.retry_after
        seconds = self._time.clock() - begin
        answer = replace(answer, seconds=seconds)
        self._silence.requests = self._silence.requests + 1 if answer.status is None else 0
        exchange = Exchange(
            sequence=self._sequence.name,
            step=step,
            purpose=purpose,
            started=started,
            seconds=seconds,
            method=request.method,
            path=request.target,
            request_headers=self._shown_headers(user_agent, headers),
            request_body=self._text(request.content),
            status=answer.status,
            response_headers=tuple(
                (name, self._redact(value)) for name, value in answer.headers.items()
            ),
            response_body=self._text(answer.content) or "",
            problem=self._redact(answer.problem),
        )
        self._exchanges.append(exchange)
        return answer, exchange, wait

    def _connection(self, user_agent: str, wrong_token: bool) -> HttpConnection:
        key = (user_agent, wrong_token)
        if key not in self._connections:
            self._connections[key] = self._origin.connect(user_agent, wrong_token=wrong_token)
        return self._connections[key]

    def _shown_headers(self, user_agent: str, headers: Headers) -> Headers:
        credentials = (_CREDENTIALS,) if self.has_credentials else ()
        return (("User-Agent", user_agent), *headers, *credentials)

    def _text(self, content: bytes | None) -> str | None:
        if content is None:
            return None
        return _PASSWORD.sub(r'\1"***"', self._redact(content.decode("utf-8", "replace")))

    def _redact(self, text: str) -> str:
        authenticator = self._origin.authenticator
        return text if authenticator is None else authenticator.redact(text)


def _merged(base: Headers, more: Headers, has_body: bool) -> Headers:
    """Return the headers of a request: `more` replaces those of `base` with the same name.

    Without a body, a Content-Type is sent only if it is one of `more`.
    """
    replaced = {name.lower() for name, _ in more} | (set() if has_body else {"content-type"})
    return (*(one for one in base if one[0].lower() not in replaced), *more)


def _user_agent(headers: Headers, default: str) -> tuple[str, Headers]:
    """Return the User-Agent, and the other headers: it belongs to a connection."""
    named = [value for name, value in headers if name.lower() == "user-agent"]
    others = tuple(one for one in headers if one[0].lower() != "user-agent")
    return (named[-1] if named else default), others


def _answer(response: HttpResponse) -> ProbeResponse:
    headers: Mapping[str, str] = response.headers
    return ProbeResponse(
        response.status,
        headers,
        response.content,
        received_json(response.content),
        response.problem,
    )


def _without_response(error: RequestError) -> ProbeResponse:
    """Return the known facts about a response that cannot be used, or that never arrived."""
    if isinstance(error, InvalidResponse):
        headers = {"Content-Type": error.content_type} if error.content_type else {}
        return ProbeResponse(error.status, headers, error.excerpt.encode(), None, str(error))
    sent = not isinstance(error, NoResponse) or error.may_have_had_effect
    return ProbeResponse(None, problem=str(error), reached=sent and isinstance(error, NoResponse))
