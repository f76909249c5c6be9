"""The HTTP server that all vendors share, and the faults that a test switches on.

A `Vendor` says how one API answers: its routes, the size of its pages, how the next page is named,
how a request is authenticated, and what a limit looks like. It answers what breaks a documented
rule as documented, and notes it in `broken`: a preset that follows the documentation breaks none.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from tests.servers.oauth import OAuthServer
from tests.sources_company import Company, Group, Person

T = TypeVar("T")
Json = dict[str, Any]

USER = "provisioning"
PASSWORD = "p4ss:word/of+the=service"
KEY = "k3y-of-the-service"


@dataclass(frozen=True)
class Request:
    """A request. `body` is the JSON document or the form, and None without one."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class Response:
    """A response. A `body` of bytes is sent as it is, and None is no body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., Response]


@dataclass
class Faults:
    """What goes wrong. The requests for data count from 1; None is never."""

    expire_at: int | None = None
    """The tokens issued so far stop working before this request."""
    limit_at: int | None = None
    """This request is answered with the documented signal of a limit, once."""
    fail_at: int | None = None
    """This request and all later ones fail."""
    stop_at: int | None = None
    """The lists that this request and all later ones read look as if they ended there."""
    repeat_at: int | None = None
    """The page after this request, and after all later ones, is the same page."""
    cut_at: int | None = None
    """The body of this response ends in the middle."""
    hide: str = ""
    """The right that is lost: `fields` or `people`."""


class Vendor:
    """The API of one vendor. `url` is its base URL while it runs; `seen` are all requests.

    With a `page_limit`, pages have no more records than that, however many are asked for.
    """

    name: ClassVar[str]
    token_path: ClassVar[str | None] = None
    """The path that issues access tokens for client credentials or signed JWTs."""
    no_rights: ClassVar[Sequence[str]] = ("fields", "people")
    """What a lost right may hide, silently."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.by_key = company.by_key()
        self.url = ""
        self.faults = Faults()
        self.seen: list[Request] = []
        self.broken: list[str] = []
        self.data_requests = 0
        self.page_limit: int | None = None
        self.oauth = OAuthServer() if self.token_path else None
        self._lock = threading.Lock()
        self._routes = [
            (method, re.compile(pattern), handler) for method, pattern, handler in self.routes()
        ]

    # What a vendor says about itself

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, pattern of the path, and handler; groups of the pattern are arguments."""
        raise NotImplementedError

    def authorized(self, request: Request) -> bool:
        """Return whether the credentials of a request are valid now."""
        assert self.oauth is not None
        return self.oauth.accepts(request.headers)

    def unauthorized(self) -> Response:
        """Return the response to credentials that are not valid."""
        return Response(401, {"error": "invalid_token"})

    def limited(self) -> Response:
        """Return the documented response to too many requests."""
        return Response(429, {"error": "too many requests"}, {"Retry-After": "0"})

    def expire(self) -> None:
        """Let the tokens that were issued so far expire."""
        if self.oauth is not None:
            self.oauth.valid.clear()

    # What handlers use

    def people(self) -> Sequence[Person]:
        """Return the people whom the caller may see."""
        return self.company.people[:1] if self.faults.hide == "people" else self.company.people

    def groups(self) -> Sequence[Group]:
        """Return the groups."""
        return self.company.groups

    def members(self, key: str) -> Sequence[Person] | None:
        """Return the members of a group, or None for an unknown group."""
        for group in self.groups():
            if group.key == key:
                return [self.by_key[member] for member in group.members]
        return None

    def visible(self, record: Json, *names: str) -> Json:
        """Return a record without the fields `names` if the right to see them is lost."""
        if self.faults.hide != "fields":
            return record
        return {name: value for name, value in record.items() if name not in names}

    def size(self, asked: int) -> int:
        """Return the number of records on a page if so many are asked for."""
        return min(asked, self.page_limit or asked)

    def stops(self) -> bool:
        """Return whether the list has to look as if it ended with this request."""
        return self.faults.stop_at is not None and self.data_requests >= self.faults.stop_at

    def repeats(self, ago: int = 0) -> bool:
        """Return whether the page after the request so long `ago` has to be the same page."""
        at = self.faults.repeat_at
        return at is not None and self.data_requests - ago >= at

    def page(self, items: Sequence[T], start: int, size: int) -> tuple[Sequence[T], int | None]:
        """Return the items from `start`, at most `size`, and where the next page starts."""
        following = start + self.size(size)
        if self.stops() or following >= len(items):
            return items[start:following], None
        return items[start:following], start if self.repeats() else following

    def breaks(self, rule: str, status: int = 400, body: Any = None) -> Response:
        """Note a rule that a request breaks, and return the response."""
        self.broken.append(rule)
        return Response(status, body if body is not None else {"error": rule})

    # How requests are answered

    def answer(self, request: Request) -> Response:
        """Return the response to a request."""
        with self._lock:
            self.seen.append(request)
            if self.token_path and request.path == self.token_path and request.method == "POST":
                assert self.oauth is not None
                header = request.headers.get("authorization", "")
                return Response(*self.oauth.issue(request.path, request.body or {}, header))
            return self._data(request)

    def _data(self, request: Request) -> Response:
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                handle = partial(handler, request, *match.groups())
                is_public = getattr(handler, "public", False)
                return handle() if is_public else self._with_faults(request, handle)
        return self.breaks(f"{request.method} {request.path} is no path", 404)

    def _with_faults(self, request: Request, handle: Callable[[], Response]) -> Response:
        self.data_requests += 1
        number = self.data_requests
        if number == self.faults.expire_at:
            self.expire()
        if not self.authorized(request):
            self.data_requests -= 1
            self.faults.expire_at = None
            return self.unauthorized()
        if number == self.faults.limit_at:
            self.data_requests -= 1
            self.faults.limit_at = None
            return self.limited()
        if self.faults.fail_at is not None and number >= self.faults.fail_at:
            return Response(502, b"<html><body>Bad gateway</body></html>")
        response = handle()
        if number == self.faults.cut_at and isinstance(response.body, (dict, list)):
            text = json.dumps(response.body).encode()
            return Response(response.status, text[: len(text) // 2], response.headers)
        return response

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run as long as the context lasts."""
        vendor = self

        class Serving(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def _serve(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                address = urlsplit(self.path)
                query = dict(parse_qsl(address.query, keep_blank_values=True))
                body = _body(content, headers.get("content-type", ""))
                request = Request(self.command, address.path, query, headers, body)
                response = vendor.answer(request)
                sent = response.body
                if not isinstance(sent, bytes):
                    sent = b"" if sent is None else json.dumps(sent, ensure_ascii=False).encode()
                self.send_response(response.status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                for name, value in response.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Serving)
        self.url = f"http://127.0.0.1:{http.server_port}"
        if self.oauth is not None:
            self.oauth.url = self.url
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            http.shutdown()
            thread.join()
            http.server_close()


def _body(content: bytes, media_type: str) -> Any:
    if not content:
        return None
    if media_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(content.decode(), keep_blank_values=True))
    return json.loads(content)


def public(handler: Handler) -> Handler:
    """Mark the handler of a route that takes no credentials, such as a login."""
    handler.public = True  # type: ignore[attr-defined]
    return handler


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Return name and password of basic authentication, or None."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return None
    name, _, password = b64decode(value).decode().partition(":")
    return name, password


def link(url: str, query: Mapping[str, object], rel: str) -> str:
    """Return one link of a Link header (RFC 8288)."""
    return f'<{with_query(url, query)}>; rel="{rel}"'


def with_query(url: str, query: Mapping[str, object]) -> str:
    """Return `url` with a query string."""
    text = "&".join(f"{quote(name, safe='$')}={quote(str(value))}" for name, value in query.items())
    return f"{url}?{text}"
