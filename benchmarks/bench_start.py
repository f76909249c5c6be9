"""What it costs to start scimsync, beside Python itself. Run: python -m benchmarks.bench_start"""

from __future__ import annotations

import sys

from benchmarks.common import Figures, best, run

ROUNDS = 10


def main() -> None:
    """Prints the figures."""
    figures = Figures()
    floor = best(lambda: run([sys.executable, "-c", "pass"]).seconds, ROUNDS)
    taken = best(lambda: run([sys.executable, "-m", "scimsync", "--version"]).seconds, ROUNDS)
    figures.show("scimsync --version", taken / floor, "starts of Python", at_most=5)
    figures.end()


if __name__ == "__main__":
    main()
