"""SCIM servers that others wrote, started on loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests.servers.scim2 import running_scim2_server

PACKAGES = Path(__file__).parent / "packages"
"""Has a folder for each server, with what it is installed from; `make interop` installs them."""


@dataclass(frozen=True)
class Server:
    """A server that runs. With `cursors`, lists have no other pages (RFC 9865)."""

    root: str
    token: str
    path: str = "/{store}/v2"
    cursors: bool = False

    def new_store(self) -> str:
        """Return the base URL of an empty store."""
        return self.root + self.path.format(store=secrets.token_hex(8))


Running: TypeAlias = Callable[[], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Product:
    """A server that others wrote. `always` says whether `make test` runs it too.

    `with_cursors` runs it with lists that are paged by cursors only, if it has them.
    """

    name: str
    about: str
    running: Running
    always: bool = False
    with_cursors: Running | None = None


_CONFIG: Final[dict[str, Any]] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": 50},
    "changePassword": {"supported": False},
    "sort": {"supported": False},
    "etag": {"supported": True},
    "authenticationSchemes": [],
    "pagination": {
        "cursor": True,
        "index": False,
        "defaultPaginationMethod": "cursor",
        "defaultPageSize": 50,
        "maxPageSize": 50,
    },
}


@contextmanager
def scim2_server_with_cursors() -> Iterator[Server]:
    """Run scim2-server with lists that are paged by cursors only."""
    with running_scim2_server(_CONFIG) as (root, token):
        yield Server(root, token, cursors=True)


@contextmanager
def scim2_server() -> Iterator[Server]:
    """Run scim2-server."""
    with running_scim2_server() as (root, token):
        yield Server(root, token)


def scimmy(folder: str) -> Running:
    """Return what runs SCIMMY with the packages in `folder`."""

    @contextmanager
    def running() -> Iterator[Server]:
        token = secrets.token_hex(16)
        with node("scimmy.mjs", folder, token) as root:
            yield Server(root, token)

    return running


@contextmanager
def better_auth() -> Iterator[Server]:
    """Run Better Auth with its SCIM plugin."""
    token = secrets.token_hex(16)
    with node("better-auth.mjs", "better-auth", token) as root:
        yield Server(root, token, "/{store}/scim/v2")


def django(package: str) -> Running:
    """Return what runs a Django site with `package`, which has one store at a time."""

    @contextmanager
    def running() -> Iterator[Server]:
        folder, token = PACKAGES / "django", secrets.token_hex(16)
        python = folder / ".venv" / "bin" / "python"
        if not python.exists():
            missing("the packages of django are missing: sh .ci/install-interop django")
        with serving([str(python), str(folder / "serve.py"), package, token]) as root:
            yield Server(root, token, "/{store}/scim/v2")

    return running


@contextmanager
def node(script: str, folder: str, *arguments: str) -> Iterator[str]:
    """Run a script that finds its packages in `folder`. Yields the URL that it prints."""
    program = shutil.which("node")
    if program is None:
        missing("Node.js is missing (node): apt-get install nodejs npm")
    if not (PACKAGES / folder / "node_modules").is_dir():
        missing(f"the packages of {folder} are missing: sh .ci/install-interop {folder}")
    command = [program or "", str(PACKAGES / script), str(PACKAGES / folder), *arguments]
    with serving(command) as root:
        yield root


@contextmanager
def serving(command: Sequence[str]) -> Iterator[str]:
    """Run a program that prints `Serving URL` once it listens; it ends with its standard input."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        word, _, root = process.stdout.readline().strip().partition(" ")
        assert word == "Serving", f"{command} does not start"
        yield root
    finally:
        process.kill()
        process.communicate()


def missing(words: str) -> None:
    """Skip the test; with CI=true, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


PRODUCTS = (
    Product(
        "scim2-server",
        "scim2-server 0.8 (Python)",
        scim2_server,
        always=True,
        with_cursors=scim2_server_with_cursors,
    ),
    Product(
        "scimmy",
        "SCIMMY 1.3 with SCIMMY Routers 1.3 on Express 4 (Node.js)",
        scimmy("scimmy-express4"),
        always=True,
    ),
    Product(
        "scimmy-express5",
        "SCIMMY 1.3 with SCIMMY Routers 1.3 on Express 5 (Node.js)",
        scimmy("scimmy-express5"),
    ),
    Product("better-auth", "Better Auth 1.7 with its SCIM plugin (Node.js)", better_auth),
    Product("django-scim2", "django-scim2 0.23 (Python)", django("django-scim2")),
    Product(
        "django-scim2-server", "django-scim2-server 1.1 (Python)", django("django-scim2-server")
    ),
)
