"""Questions on a real terminal: each Ctrl-C is noticed, also one that comes with the question."""

from __future__ import annotations

import os
import pty
import select
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.office import Office, people

_PATIENCE_S = 20
"""How long a program may say nothing before the test fails; none of them waits that long."""

ASKS_OFTEN = """
import click
from scimsync.cli.ui.confirmation import require_yes
for number in range(1000):
    try:
        require_yes("Go?")
    except click.exceptions.Exit as ended:
        assert ended.exit_code == 130
print("all were noticed", flush=True)
"""


@dataclass
class Terminal:
    """A terminal with a program at it. `screen` is what the program has printed last."""

    process: int
    descriptor: int
    screen: str = ""

    def see(self, *texts: str) -> str:
        """Wait until the screen ends with one of `texts`, and clear it."""
        while True:
            for text in texts:
                if self.screen.endswith(text):
                    self.screen = ""
                    return text
            assert select.select([self.descriptor], [], [], _PATIENCE_S)[0], self.screen
            self.screen += os.read(self.descriptor, 65536).decode()

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def end(self) -> int:
        """Read the rest, and return the exit code."""
        with suppress(OSError):  # Linux raises EIO at the end
            while more := os.read(self.descriptor, 65536):
                self.screen += more.decode()
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@contextmanager
def terminal(
    folder: Path, arguments: Sequence[str], env: Mapping[str, str] = os.environ
) -> Iterator[Terminal]:
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, *arguments], dict(env))
    try:
        yield Terminal(process, descriptor)
    finally:
        os.close(descriptor)


def test_no_interrupt_is_lost(tmp_path: Path) -> None:
    with terminal(tmp_path, ["-c", ASKS_OFTEN]) as user:
        while user.see("Go? [y/N]: ", "all were noticed\r\n") == "Go? [y/N]: ":
            user.type("\x03")
        assert user.end() == 0


@pytest.mark.parametrize(
    ("typed", "code", "accounts"),
    [("\x03", 130, 0), ("\x04", 1, 0), ("\n", 1, 0), ("what\nYES\n", 0, 3), ("y\n", 0, 3)],
)
def test_the_answer_decides(office: Office, typed: str, code: int, accounts: int) -> None:
    office.hire(people(3))
    with terminal(office.folder, ["-m", "scimsync", "push", "--ask"], office.env()) as user:
        user.see("Apply this plan? [y/N]: ")
        user.type(typed)
        assert user.end() == code

    assert len(office.accounts()) == accounts
    assert ("cancelled: nothing was changed" in user.screen) is (code != 0)
    assert ("Error: answer y or n" in user.screen) is typed.startswith("what")
