"""The option `lists`: columns of text that hold several values, and what separates these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from scimsync.settings import Text, invalid


def _separator(text: str) -> str:
    if not text or "\n" in text or "\r" in text:
        raise invalid(
            "must be the separator between two values", hint='such as ";"', code="SYNC-0125"
        )
    return text


Lists = Mapping[Text, Annotated[str, AfterValidator(_separator)]]
"""Names of columns, each with the separator between two values."""
