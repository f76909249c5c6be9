"""Names of records: what `ref(manager_email, by="email")` finds another record by."""

from __future__ import annotations

import unicodedata

from scimsync.model.ids import fold_case

_LONGEST = 1_000


def name_of(by: str, value: object) -> str | None:
    """Return the name of the records for which the expression `by` gives `value`, if it is one.

    It is the text of `by` and the value, so that the e-mail addresses of a source are other names
    than its personnel numbers: `email=ann@example.com`. Case, Unicode composition and the amount of
    white space do not matter. None if there is no value, or one that is not text or a whole number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    text = fold_case(unicodedata.normalize("NFC", " ".join(value.split())))
    return f"{by}={text}" if text and len(text) <= _LONGEST else None
