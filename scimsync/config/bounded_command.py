"""Run a command and keep a bounded part of its output."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """The outcome of a command.

    `is_cut` is set where it wrote more to its standard output than it may. It was ended then.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    is_cut: bool = False


def run_bounded(
    words: Sequence[str],
    folder: Path,
    timeout_s: float,
    max_bytes: int,
    *,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
) -> CommandOutput:
    """Run a command in `folder`, without a shell.

    It reads `stdin`, at most a few KiB, and `variables` are added to its environment. Of each of
    its streams, at most `max_bytes` are kept. Raise TimeoutError if it has not ended and closed its
    streams within `timeout_s` seconds, and OSError or ValueError if it cannot be started. It is no
    longer running when this returns or raises.
    """
    deadline = time.monotonic() + timeout_s
    process = subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        env=None if variables is None else {**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - pipes
    stdout, stderr = process.stdout, process.stderr
    kept = {stdout: bytearray(), stderr: bytearray()}
    is_cut = False
    try:
        if process.stdin is not None:
            with suppress(BrokenPipeError), process.stdin as stream:
                stream.write(stdin)
        with selectors.DefaultSelector() as selector:
            for stream in kept:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map() and not is_cut:
                for ready, _ in selector.select(_remaining(deadline)):
                    stream = stdout if ready.fileobj is stdout else stderr
                    piece = os.read(ready.fd, _PIECE_BYTES)
                    if not piece:
                        selector.unregister(stream)
                    kept[stream] += piece[: max_bytes + 1 - len(kept[stream])]
                is_cut = len(kept[stdout]) > max_bytes
        if not is_cut:
            process.wait(_remaining(deadline))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    finally:
        process.kill()  # no effect once it has ended
        process.wait()
        stdout.close()
        stderr.close()
    return CommandOutput(process.returncode, bytes(kept[stdout]), bytes(kept[stderr]), is_cut)


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
