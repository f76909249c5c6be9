"""Sends a message as JSON in a POST, signed as Standard Webhooks 1.0 says
(https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import socket
import ssl
from datetime import datetime

import httpx2
import orjson

from scimsync import __version__
from scimsync.daemon.notify.model import Message
from scimsync.daemon.notify.way import Undeliverable
from scimsync.settings.urls import webhook_problem
from scimsync.transport.retry_after import parse_retry_after

_BASE64_SECRET = "whsec_"  # noqa: S105 - how such a secret begins
_ABOUT_THE_MESSAGE = (400, 413, 422)  # another message may well be taken
_OF_THE_NETWORK = (ConnectionError, TimeoutError)


class Webhook:
    """A URL and the key with which requests to it are signed. Redirects are not followed, the
    environment's proxies not used; of answers nothing but the status is read. Raises Undeliverable
    where URL or secret cannot be used."""

    def __init__(self, url: str, secret: str, timeout_s: float) -> None:
        if (wrong := webhook_problem(url)) is not None:
            raise Undeliverable(f"webhook: {wrong}")
        try:
            self._url = httpx2.URL(url)
        except (httpx2.InvalidURL, UnicodeError):
            raise Undeliverable("webhook: this is not a URL") from None
        self._key = _key(secret)
        self._timeout = httpx2.Timeout(timeout_s).as_dict()
        # a client would write the URL, which may be a secret, into its log
        self._http: httpx2.AsyncHTTPTransport | None = None

    async def send(self, notice_id: str, message: Message, now: datetime) -> None:
        """Sends `message` once; `notice_id` is the same for all tries. Raises Undeliverable."""
        body = payload(message)
        stamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"scimsync/{__version__}",
            "webhook-id": notice_id,
            "webhook-timestamp": stamp,
            "webhook-signature": (
                f"v1,{_signature(self._key, f'{notice_id}.{stamp}.'.encode() + body)}"
            ),
        }
        request = httpx2.Request(
            "POST", self._url, headers=headers, content=body, extensions={"timeout": self._timeout}
        )
        if self._http is None:
            self._http = httpx2.AsyncHTTPTransport(trust_env=False)
        try:
            response = await self._http.handle_async_request(request)
            await response.aclose()
        except httpx2.TransportError as error:
            raise Undeliverable(_why(error)) from None
        status = response.status_code
        if not 200 <= status < 300:
            wait = parse_retry_after(
                response.headers.get("Retry-After"), response.headers.get("Date")
            )
            what = f"it answered {status}" + (
                ", and redirects are not followed" if 300 <= status < 400 else ""
            )
            raise Undeliverable(what, retry_after_s=wait, of_message=status in _ABOUT_THE_MESSAGE)

    async def aclose(self) -> None:
        """Ends its connection."""
        if self._http is not None:
            await self._http.aclose()


def payload(message: Message) -> bytes:
    """The body of the request."""
    data = {
        "event": message.event,
        "began": message.began,
        "subjects": message.subjects,
        "title": message.title,
        "text": message.text,
        "todo": message.todo,
        "since": message.since,
    }
    return orjson.dumps(
        {"type": message.type, "timestamp": message.at, "data": data}, option=orjson.OPT_UTC_Z
    )


def _key(secret: str) -> bytes:
    if not secret.startswith(_BASE64_SECRET):
        return secret.encode()
    text = secret.removeprefix(_BASE64_SECRET)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise Undeliverable("secret: what stands after whsec_ is not base64")
    return key


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _why(error: httpx2.TransportError) -> str:
    """What happened, in words that do not name the host: it may be part of a secret."""
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return (
                "its certificate is not trusted"
                if isinstance(cause, ssl.SSLCertVerificationError)
                else "TLS failed"
            )
        if isinstance(cause, socket.gaierror):
            return "the name of its host cannot be resolved"
        if isinstance(cause, _OF_THE_NETWORK) and cause.errno:
            return f"cannot connect: {os.strerror(cause.errno)}"
        cause = cause.__cause__ or cause.__context__
    return (
        "cannot connect"
        if isinstance(error, httpx2.ConnectError)
        else "the connection broke before an answer came"
    )
