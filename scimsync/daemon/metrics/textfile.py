"""Figures of one-off pushes, as a file that the textfile collector of node_exporter reads.

A push by cron ends, and its counters with it. So what the file says is read, added to, and written
again: counters go on growing from one process to the next.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from scimsync.daemon.metrics.exposition import text_of
from scimsync.daemon.metrics.figures import Figures
from scimsync.daemon.metrics.library import require
from scimsync.daemon.metrics.totals import (
    COUNTERS,
    HISTOGRAMS,
    Counter,
    Histogram,
    Labels,
    Spread,
    Totals,
)
from scimsync.errors import ConfigError

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.samples import Sample

SUFFIX = ".prom"
"""node_exporter reads no other files. What else a path may name by mistake (sync.toml, a source) is
not written over."""

_MODE = 0o644  # node_exporter is another user; nothing in it is about people


def check_textfile(path: Path) -> None:
    """Says before a run what `write_textfile` would say after it, as far as that can be known.
    Raises ConfigError."""
    require()
    _check_place(path)
    folder = path.parent
    if not folder.is_dir():
        raise _unwritable(path, "its folder is not there")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise _unwritable(path, "its folder may not be written to")


def write_textfile(path: Path, figures: Figures, gauges: Iterable[Metric]) -> None:
    """Adds what `figures` counted to the file at `path`, and states `gauges` anew. Once in the life
    of `figures`.

    Whoever reads sees the file before or after, whole. What the file holds is begun anew where it
    is not of this kind. Raises ConfigError where it cannot be written, or without
    prometheus-client.
    """
    require()
    _check_place(path)
    try:
        with _alone_in(path.parent):
            _replace(
                path,
                text_of(
                    _totals_in(path) + figures.totals(), figures.plans(), gauges, process=False
                ),
            )
    except OSError as error:
        raise _unwritable(path, (error.strerror or str(error)).lower()) from error


def _check_place(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise ConfigError(
            f"{path}: metrics go into a file {SUFFIX}",
            hint=f"node_exporter reads no others: {path.stem}{SUFFIX}",
        )
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(path, (error.strerror or str(error)).lower()) from error
    if not is_file:
        raise _unwritable(path, "there is something that is no file")


def _unwritable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path}: metrics cannot be written: {why}",
        hint=(
            "whoever runs scimsync needs to read and write in that folder, which node_exporter"
            " knows by --collector.textfile.directory"
        ),
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Nobody else writes metrics in the folder meanwhile. The lock is on the folder: no file is
    left lying about."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    """Puts a whole file in the place of what is there. One that a killed process has left half
    written is taken away first."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    try:
        with os.fdopen(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb"
        ) as stream:
            os.fchmod(stream.fileno(), _MODE)  # whatever the umask
            stream.write(content)
            stream.flush()
            # an empty file after a power cut would be a counter that begins anew
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


# What the file says


class _NotOurs(Exception):
    """What stands there was not written by this module."""


def _totals_in(path: Path) -> Totals:
    """The counters and histograms of the file; none where it is not there or holds something else.
    Raises OSError."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        samples = [
            one
            for family in text_string_to_metric_families(path.read_text("utf-8"))
            for one in family.samples
        ]
        return Totals(_counts(samples), _spreads(samples))
    except FileNotFoundError:
        return Totals()
    except OSError:
        raise
    except Exception:  # the parser raises what comes when it meets something else than metrics
        return Totals()


def _counts(samples: list[Sample]) -> dict[tuple[Counter, Labels], float]:
    counters = {f"{counter.name}_total": counter for counter in COUNTERS}
    found = [(counters[one.name], one) for one in samples if one.name in counters]
    return {(counter, _labels(one, counter.labels)): _number(one) for counter, one in found}


def _spreads(samples: list[Sample]) -> dict[tuple[Histogram, Labels], Spread]:
    found: dict[tuple[Histogram, Labels], Spread] = {}
    for histogram in HISTOGRAMS:
        up_to: dict[Labels, dict[float, float]] = {}
        for one in samples:
            if one.name == f"{histogram.name}_bucket":
                *labels, bound = _labels(one, (*histogram.labels, "le"))
                up_to.setdefault(tuple(labels), {})[float(bound)] = _number(one)
        sums = {
            _labels(one, histogram.labels): _number(one)
            for one in samples
            if one.name == f"{histogram.name}_sum"
        }
        for series, buckets in up_to.items():
            if tuple(sorted(buckets)) != (*histogram.bounds, inf):
                continue  # another version had other buckets: this histogram begins anew
            counts = [buckets[bound] for bound in (*histogram.bounds, inf)]
            steps = tuple(
                upper - lower for lower, upper in zip([0.0, *counts], counts, strict=False)
            )
            if min(steps) < 0:
                raise _NotOurs
            found[histogram, series] = Spread(steps, sums[series])
    return found


def _labels(sample: Sample, names: tuple[str, ...]) -> Labels:
    if set(sample.labels) != set(names):
        raise _NotOurs
    return tuple(sample.labels[name] for name in names)


def _number(sample: Sample) -> float:
    if not isfinite(sample.value) or sample.value < 0:
        raise _NotOurs
    return sample.value
