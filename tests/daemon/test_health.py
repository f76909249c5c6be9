"""What the daemon says over HTTP, asked by a client as monitoring has it."""

from __future__ import annotations

import http.client
import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from scimsync.daemon.health import Condition, HealthServer
from scimsync.errors import ConfigError, StateError

AT_WORK = Condition(True, "at work")
READY = Condition(True, "pushes by schedule")


def _figures() -> bytes:
    return b"scimsync_up 1.0\n"


@dataclass
class Daemon:
    """What is said of a daemon."""

    life: Condition = AT_WORK
    readiness: Condition = READY
    figures: Callable[[], bytes] = _figures
    threads: set[str] = field(default_factory=set)

    def alive(self) -> Condition:
        return self.life

    def ready(self) -> Condition:
        return self.readiness

    def metrics(self) -> bytes:
        self.threads.add(threading.current_thread().name)
        return self.figures()


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def server(daemon: Daemon) -> Iterator[HealthServer]:
    made = HealthServer("127.0.0.1", 0, daemon)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def ask(server: HealthServer, path: str, method: str = "GET") -> Said:
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return Said(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read(),
        )


def document(said: Said) -> tuple[int, dict[str, str]]:
    assert said.headers["content-type"] == "application/json"
    read: dict[str, str] = json.loads(said.body)
    return said.status, read


def no_thread_answers() -> bool:
    return not [one for one in threading.enumerate() if one.name == "health"]


def test_a_daemon_at_work_is_alive_and_ready(server: HealthServer) -> None:
    assert document(ask(server, "/healthz")) == (200, {"status": "ok", "detail": "at work"})
    assert document(ask(server, "/readyz")) == (
        200,
        {"status": "ok", "detail": "pushes by schedule"},
    )


def test_a_daemon_that_hangs_and_one_that_cannot_work_say_so_where_it_is_asked(
    server: HealthServer, daemon: Daemon
) -> None:
    daemon.readiness = Condition(False, "the state cannot be used")
    assert document(ask(server, "/readyz")) == (
        503,
        {"status": "failing", "detail": "the state cannot be used"},
    )
    assert ask(server, "/healthz").status == 200

    daemon.life = Condition(False, "nothing was done for 10 minutes")
    assert document(ask(server, "/healthz")) == (
        503,
        {"status": "failing", "detail": "nothing was done for 10 minutes"},
    )


def test_metrics_come_as_prometheus_expects_them(server: HealthServer) -> None:
    said = ask(server, "/metrics")

    assert (said.status, said.body) == (200, b"scimsync_up 1.0\n")
    assert said.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_reading_is_allowed(server: HealthServer, path: str) -> None:
    head = ask(server, path, "HEAD")
    assert (head.status, head.body, int(head.headers["content-length"]) > 0) == (200, b"", True)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        said = ask(server, path, method)
        assert document(said) == (405, {"detail": "Method Not Allowed"})
        assert said.headers["allow"] in ("GET, HEAD", "HEAD, GET")


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/x", "/docs", "/%00"])
def test_there_is_nothing_else(server: HealthServer, path: str) -> None:
    assert document(ask(server, path)) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nothing"])
def test_answers_are_not_kept_and_do_not_say_what_program_this_is(
    server: HealthServer, path: str
) -> None:
    headers = ask(server, path).headers

    assert headers["cache-control"] == "no-store"
    assert not {"server", "x-powered-by"} & set(headers)
    assert "uvicorn" not in str(headers).lower()


def test_an_error_is_for_the_log_and_not_for_who_asks(
    server: HealthServer, daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> bytes:
        raise StateError("scimsync.db: the state cannot be read")

    def worse() -> bytes:
        raise ZeroDivisionError("a secret of 00001")

    daemon.figures = broken
    assert document(ask(server, "/metrics")) == (
        500,
        {"detail": "this could not be found out; the log says why"},
    )
    daemon.figures = worse
    said = ask(server, "/metrics")
    assert (said.status, b"secret" in said.body, b"Traceback" in said.body) == (500, False, False)

    assert [(one.name, one.levelname, one.getMessage()) for one in caplog.records] == [
        ("scimsync", "ERROR", "/metrics: scimsync.db: the state cannot be read"),
        ("scimsync", "ERROR", "/metrics: unexpected error"),
    ]
    assert [one.exc_info is not None for one in caplog.records] == [False, True]
    daemon.figures = _figures
    assert ask(server, "/metrics").status == 200


def test_a_condition_that_cannot_be_told_is_a_bad_one(
    server: HealthServer,
    daemon: Daemon,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(self: Daemon) -> Condition:
        raise ZeroDivisionError

    monkeypatch.setattr(Daemon, "alive", broken)

    assert document(ask(server, "/healthz")) == (
        503,
        {"status": "failing", "detail": "this could not be found out; the log says why"},
    )
    assert [one.getMessage() for one in caplog.records] == ["/healthz: unexpected error"]


def test_figures_that_do_not_come_keep_nobody_from_seeing_that_the_daemon_is_alive(
    server: HealthServer, daemon: Daemon
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> bytes:
        begun.set()
        go_on.wait()
        return b"late 1.0\n"

    daemon.figures = slow
    said: list[Said] = []
    scraper = threading.Thread(target=lambda: said.append(ask(server, "/metrics")))
    scraper.start()
    assert begun.wait(20)

    assert ask(server, "/healthz").status == 200
    go_on.set()
    scraper.join()
    assert said[0].body == b"late 1.0\n"
    assert "health" not in daemon.threads


def test_figures_are_read_one_after_the_other_and_the_end_waits_for_none(daemon: Daemon) -> None:
    begun, go_on = threading.Event(), threading.Event()

    readings = []

    def hang() -> bytes:
        readings.append(threading.current_thread())
        begun.set()
        go_on.wait()
        return b""

    daemon.figures = hang
    server = HealthServer("127.0.0.1", 0, daemon)
    server.start()
    said: list[Said] = []
    scrapers = [
        threading.Thread(target=lambda: said.append(ask(server, "/metrics"))) for _ in range(2)
    ]
    for scraper in scrapers:
        scraper.start()
    assert begun.wait(20)

    server.stop()

    for scraper in scrapers:
        scraper.join()
    assert (len(readings), no_thread_answers()) == (1, True)
    go_on.set()
    assert [document(one) for one in said] == [(503, {"detail": "the daemon is stopping"})] * 2


def test_after_the_end_the_port_is_free_and_no_thread_is_left(daemon: Daemon) -> None:
    server = HealthServer("127.0.0.1", 0, daemon)
    server.start()
    port = server.port
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as idle:
        idle.request("GET", "/healthz")
        idle.getresponse().read()  # and the connection stays open

        server.stop()

    assert no_thread_answers()
    again = HealthServer("127.0.0.1", port, daemon)
    again.start()
    assert ask(again, "/healthz").status == 200
    again.stop()
    again.stop()
    HealthServer("127.0.0.1", 0, daemon).stop()


def test_a_client_that_hangs_in_the_middle_of_its_request_holds_up_no_end(daemon: Daemon) -> None:
    server = HealthServer("127.0.0.1", 0, daemon)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x")
        assert ask(server, "/healthz").status == 200

        server.stop()

    assert no_thread_answers()


def test_what_is_no_http_is_refused_without_a_word_in_the_log(
    server: HealthServer, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 400")

    assert [one.getMessage() for one in caplog.records] == []


def test_signals_and_logging_stay_as_they_are(
    daemon: Daemon, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def settings() -> list[object]:
        loggers = [
            logging.getLogger(name)
            for name in (None, "uvicorn", "uvicorn.access", "uvicorn.error", "scimsync")
        ]
        return [
            *((one.level, one.propagate, list(one.handlers), one.disabled) for one in loggers),
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            logging.getLevelName(5),
        ]

    caplog.set_level(logging.DEBUG)
    before = settings()

    server = HealthServer("127.0.0.1", 0, daemon)
    server.start()
    ask(server, "/healthz")
    during = settings()
    server.stop()

    assert (during, settings()) == (before, before)
    assert not [
        one
        for one in caplog.records
        if one.name == "uvicorn.access" or "GET /healthz" in one.getMessage()
    ]
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_said_with_what_to_write(
    server: HealthServer, daemon: Daemon
) -> None:
    with pytest.raises(ConfigError) as raised:
        HealthServer("127.0.0.1", server.port, daemon).start()

    assert str(raised.value).splitlines() == [
        f"sync.toml: health.port: port {server.port} at 127.0.0.1 is taken",
        "  another program listens there, or another daemon; write another port, or 0 for none",
    ]


def test_an_address_of_another_machine_is_said(daemon: Daemon) -> None:
    with pytest.raises(
        ConfigError,
        match=r"sync\.toml: health\.host: nothing can listen at 192\.0\.2\.1: Cannot assign",
    ):
        HealthServer("192.0.2.1", 0, daemon).start()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_may_be_ipv6(daemon: Daemon) -> None:
    server = HealthServer("::1", 0, daemon)
    server.start()
    assert ask(server, "/healthz").status == 200
    server.stop()


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_a_package_that_is_missing_is_named(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ConfigError, match=f"needs {package}") as raised:
        HealthServer("127.0.0.1", 0, daemon).start()

    assert raised.value.hint == "pip install 'scimsync[daemon]' brings it"
