"""An authorization server on loopback: client credentials, refresh tokens, signed JWTs, metadata.

It checks what RFC 6749, RFC 7523 and RFC 8414 ask of a client. JWTs are verified by joserfc.
"""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "provisioning"
SECRET = "s3cr3t/of+the=client"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class OAuthServer:
    """Issues tokens `token-1`, `token-2`, … that live for `lifetime` seconds.

    `forms` are the token requests. `valid` are the tokens that are accepted now, `refresh_token` is
    the current one. With `repeats`, it refuses all requests and shows them. `fail` is a response in
    place of the next ones.
    """

    def __init__(self) -> None:
        self.url = ""
        self.key = RSAKey.generate_key(2048)
        self.lifetime: object = 3600
        self.forms: list[dict[str, str]] = []
        self.valid: set[str] = set()
        self.refresh_token = "refresh-1"
        self.rotates = False
        self.repeats = False
        self.metadata_path = "/.well-known/oauth-authorization-server"
        self.fail: tuple[int, Any] | None = None
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    @property
    def private_key(self) -> str:
        return self.key.as_pem(private=True).decode()

    def accepts(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request has a token that is valid now."""
        return headers.get("authorization", "").removeprefix("Bearer ") in self.valid

    def issue(self, path: str, form: dict[str, str], header: str) -> tuple[int, Any]:
        """Return status and body of the response to a token request."""
        with self._lock:
            self.forms.append({"path": path, "header": header.split()[0] if header else "", **form})
            if self.fail is not None:
                return self.fail
            if self.repeats:
                said = f"{header} {' '.join(form.values())}"
                return 400, {"error": "invalid_request", "error_description": said}
            error = self._problem(form, header)
            if error is not None:
                return 400, {"error": error, "error_description": f"not so: {form}"}
            token = f"token-{len(self.forms)}"
            self.valid.add(token)
            body = {"access_token": token, "token_type": "bearer", "expires_in": self.lifetime}
            if self.rotates:
                self.refresh_token = f"refresh-{len(self.forms) + 1}"
                body["refresh_token"] = self.refresh_token
            return 200, body

    def _problem(self, form: dict[str, str], header: str) -> str | None:
        grant = form.get("grant_type")
        if grant == JWT_BEARER:
            return self._jwt_problem(form["assertion"], subject=None)
        if grant == "refresh_token":
            return None if form["refresh_token"] == self.refresh_token else "invalid_grant"
        if grant != "client_credentials":
            return "unsupported_grant_type"
        if form.get("client_assertion_type") == ASSERTION:
            return self._jwt_problem(form["client_assertion"], subject=CLIENT)
        given = (form.get("client_id"), form.get("client_secret"))
        if header:
            name, _, secret = b64decode(header.split()[1]).decode().partition(":")
            given = (name, secret)
        return None if given == (CLIENT, SECRET) else "invalid_client"

    def _jwt_problem(self, text: str, subject: str | None) -> str | None:
        claims = jwt.decode(text, self.key, algorithms=["RS256"]).claims
        checks = [
            claims["iss"] == CLIENT,
            subject is None or claims["sub"] == subject,
            claims["aud"] == f"{self.url}/token",
            claims["exp"] > claims["iat"],
            claims["jti"] not in self._seen,
        ]
        self._seen.add(claims["jti"])
        self.claims = claims
        return None if all(checks) else "invalid_grant"


@contextmanager
def running_oauth_server() -> Iterator[OAuthServer]:
    """Run an authorization server as long as the context lasts."""
    server = OAuthServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = self.path == server.metadata_path
            metadata = {"issuer": server.url, "token_endpoint": f"{server.url}/token"}
            self._answer(*((200, metadata) if known else (404, {})))

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = dict(parse_qsl(content))
            header = self.headers.get("Authorization", "")
            self._answer(*server.issue(urlsplit(self.path).path, form, header))

        def _answer(self, status: int, body: Any) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
