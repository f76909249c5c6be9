"""Deliver as JSON in a signed POST (Standard Webhooks 1.0, https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import socket
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
from pydantic import Field

from scimsync import __version__
from scimsync.daemon.channels.channel import (
    TIMEOUT_S,
    Channel,
    ChannelSettings,
    DeliveryFailed,
)
from scimsync.settings import SecretReference, WebhookUrl
from scimsync.settings.urls import webhook_problem
from scimsync.transport.retry_after import parse_retry_after

if TYPE_CHECKING:
    import httpx2

    from scimsync.daemon.notify.alerting import Notification

_BASE64_PREFIX = "whsec_"
_REFUSES_MESSAGE = (400, 413, 422)  # another notification may be accepted


class WebhookReceiver(ChannelSettings):
    """`[notify.to.NAME]`: a receiver that gets each event as JSON in a signed POST."""

    webhook: WebhookUrl = Field(
        description="The URL for events, or a reference to it where it is secret: env:HOOK_URL"
    )
    secret: SecretReference = Field(
        description="Where the key for signing requests is found (Standard Webhooks)",
        examples=["env:HOOK_SECRET"],
    )

    def open(self, secret: Callable[[str], str]) -> Channel:
        """Return the channel to the URL."""
        return WebhookChannel(secret("webhook"), secret("secret"), TIMEOUT_S)


class WebhookChannel:
    """Posts to `url`, signed with `secret`.

    It follows no redirects, ignores the proxies of the environment, and reads only the status of
    the response. Raises DeliveryFailed if the URL or the secret cannot be used.
    """

    def __init__(self, url: str, secret: str, timeout_s: float) -> None:
        import httpx2

        if (wrong := webhook_problem(url)) is not None:
            raise DeliveryFailed(f"webhook: {wrong}")
        try:
            self._url = httpx2.URL(url)
        except (httpx2.InvalidURL, UnicodeError):
            raise DeliveryFailed("webhook: not a valid URL") from None
        self._key = _key(secret)
        self._timeout = httpx2.Timeout(timeout_s).as_dict()
        # a client would log the URL, which may be a secret
        self._http: httpx2.AsyncHTTPTransport | None = None

    async def send(self, notification_id: str, notification: Notification, now: datetime) -> None:
        """Send once. Raise DeliveryFailed."""
        import httpx2

        body = payload(notification)
        stamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"scimsync/{__version__}",
            "webhook-id": notification_id,
            "webhook-timestamp": stamp,
            "webhook-signature": (
                f"v1,{_signature(self._key, f'{notification_id}.{stamp}.'.encode() + body)}"
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
            raise DeliveryFailed(_why(error)) from None
        status = response.status_code
        if not 200 <= status < 300:
            wait = parse_retry_after(
                response.headers.get("Retry-After"), response.headers.get("Date")
            )
            redirect = "; redirects are not followed" if 300 <= status < 400 else ""
            what = f"response status {status}{redirect}"
            raise DeliveryFailed(what, retry_after_s=wait, of_message=status in _REFUSES_MESSAGE)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._http is not None:
            await self._http.aclose()


def payload(notification: Notification) -> bytes:
    """Return the body of the request."""
    data = {
        "event": notification.event,
        "began": notification.began,
        "subjects": notification.subjects,
        "title": notification.title,
        "text": notification.text,
        "todo": notification.todo,
        "since": notification.since,
    }
    document = {"type": notification.type, "timestamp": notification.at, "data": data}
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def _key(secret: str) -> bytes:
    if not secret.startswith(_BASE64_PREFIX):
        return secret.encode()
    text = secret.removeprefix(_BASE64_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise DeliveryFailed("secret: the part after whsec_ is not base64")
    return key


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _why(error: httpx2.TransportError) -> str:
    """Describe the error without the host name, which may be part of a secret."""
    import ssl

    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        return "no response in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return (
                "its certificate is not trusted"
                if isinstance(cause, ssl.SSLCertVerificationError)
                else "TLS error"
            )
        if isinstance(cause, socket.gaierror):
            return "cannot resolve the host name"
        if isinstance(cause, (ConnectionError, TimeoutError)) and cause.errno:
            return f"cannot connect: {os.strerror(cause.errno)}"
        cause = cause.__cause__ or cause.__context__
    return (
        "cannot connect"
        if isinstance(error, httpx2.ConnectError)
        else "the connection broke before a response arrived"
    )
