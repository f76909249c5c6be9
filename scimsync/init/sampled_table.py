"""The sampled rows of a file, and simple questions about their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SampledTable:
    """Columns in order, each once, and sampled rows. A cell without a value is None, "" or []."""

    columns: tuple[str, ...]
    rows: Sequence[Row]

    def values(self, column: str) -> list[object]:
        """Return the filled cells of a column."""
        return [value for row in self.rows if is_filled(value := row.get(column))]

    def texts(self, column: str) -> list[str]:
        """Return the filled cells of a column as text, without surrounding spaces."""
        return [str(value).strip() for value in self.values(column)]

    def is_empty(self, column: str) -> bool:
        """Return whether no row has a value in a column."""
        return not self.values(column)

    def is_filled(self, column: str) -> bool:
        """Return whether each row has a value in a column."""
        return len(self.values(column)) == len(self.rows)

    def is_unique(self, column: str, *, ignore_case: bool = False) -> bool:
        """Return whether no two rows have the same value in a column."""
        texts = [text.lower() if ignore_case else text for text in self.texts(column)]
        return len(texts) == len(set(texts))

    def share(self, column: str, test: Callable[[str], object]) -> float:
        """Return the share of the filled cells that pass a test; 0 without any."""
        texts = self.texts(column)
        return sum(bool(test(text)) for text in texts) / len(texts) if texts else 0.0

    def where(self, condition: Callable[[Row], bool]) -> SampledTable:
        """Return the rows for which a condition holds."""
        return replace(self, rows=[row for row in self.rows if condition(row)])


def is_filled(value: object) -> bool:
    """Return whether a cell has a value."""
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value != [] and value != {}


def distinct(values: Iterable[object]) -> list[object]:
    """Return each text, number, and boolean once, the most frequent ones first.

    1, "1", and True are different values.
    """
    counts: dict[tuple[type, object], int] = {}
    for value in values:
        if isinstance(value, str | bool | int):
            counts[type(value), value] = counts.get((type(value), value), 0) + 1
    return [value for (_, value), _ in sorted(counts.items(), key=lambda item: -item[1])]
