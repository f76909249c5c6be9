"""What commands import before they work."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import pkgutil, sys
from importlib import import_module
from scimsync.cli import commands
for module in pkgutil.iter_modules(commands.__path__):
    import_module(f"scimsync.cli.commands.{module.name}")
print("duckdb" in sys.modules)
"""


def test_duckdb_is_imported_only_when_a_source_is_read() -> None:
    """What is imported with a command is exempt from garbage collection, and DuckDB would warn."""
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)

    assert (ran.stdout, ran.stderr) == ("False\n", "")
