"""A parsed expression: its location, the names that it may use, and what it refers to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from jinja2 import nodes

from scimsync.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ExpressionLocation:
    """Where an expression is: the file and the dotted key in it (`targets.wiki.user.userName`)."""

    file: str
    key: str

    def error(
        self, problem: str, *, code: str, details: Iterable[str] = (), hint: str | None = None
    ) -> ConfigError:
        """Return the ConfigError `sync.toml: targets.wiki.user.userName: problem`."""
        return ConfigError(
            f"{self.file}: {self.key}: {problem}", code=code, details=tuple(details), hint=hint
        )


@dataclass(slots=True)
class Names:
    """The names that the expressions of one program may use, and their compiled variables.

    Columns (`_c0`) and access rules (`_r0`) get variables, because their names may be any text.
    `lists` are the columns that are known to hold lists. `names` are the expressions by which
    references find other records.
    """

    rules: Mapping[str, str]
    tables: Mapping[str, Mapping[str, object]]
    lists: Collection[str] = ()
    columns: dict[str, str] = field(default_factory=dict)
    names: dict[str, ParsedExpression] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """Return the variable of a column; create it at the first use."""
        return self.columns.setdefault(name, f"_c{len(self.columns)}")

    def rule(self, name: str) -> str:
        """Return the variable that holds whether an access rule applies."""
        return f"_r{list(self.rules).index(name)}"


@dataclass(slots=True)
class References:
    """What an expression refers to.

    `rules` are the access rules that it names. `any_rule` and `any_table` mean that it may use all
    of them. `any_read_table`: it may use a table that is read later. `refers`: it refers to another
    record, and `names` are the expressions that find it. `zoned`: it uses a time zone.
    """

    columns: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    any_rule: bool = False
    today: bool = False
    now: bool = False
    zoned: bool = False
    tables: set[str] = field(default_factory=set)
    any_table: bool = False
    any_read_table: bool = False
    refers: bool = False
    names: set[str] = field(default_factory=set)

    @property
    def nothing(self) -> bool:
        """Whether the expression has the same value for every record, on every day."""
        depends = (self.columns, self.rules, self.any_rule, self.today, self.now)
        return not (any(depends) or self.any_read_table)

    @property
    def time(self) -> bool:
        """Whether the value may depend on the time of the day."""
        return self.now or (self.today and self.zoned)


@dataclass(frozen=True, slots=True)
class ParsedExpression:
    """An expression that is ready to be compiled."""

    location: ExpressionLocation
    text: str
    node: nodes.Expr
    uses: References
