"""The rules for all calls of an HTTP API, as data: headers, limits, errors."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from scimsync.settings import Table, Text, invalid
from scimsync.settings.text_types import quoted
from scimsync.sources.http.jmespath_expressions import Expression

_WAIT = re.compile(
    r"backoff|retry_after|(reset_epoch|reset_date|body_seconds):.+|seconds:\d{1,4}(\.\d+)?"
)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _wait(text: str) -> str:
    if not _WAIT.fullmatch(text):
        raise invalid(
            f"{quoted(text)} is not a wait",
            hint=(
                "one of backoff, retry_after, reset_epoch:HEADER, reset_date:HEADER,"
                " body_seconds:JMESPATH, seconds:NUMBER"
            ),
            code="SYNC-0271",
        )
    return text


def _statuses(value: object) -> object:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not _HEADER.fullmatch(name):
            raise invalid(f"{quoted(name)} is not the name of an HTTP header", code="SYNC-0271")
    return value


Statuses = Annotated[list[int], BeforeValidator(_statuses, json_schema_input_type=int | list[int])]
Headers = Annotated[dict[str, str], AfterValidator(_headers)]


class Match(Table):
    """Which responses are meant: all conditions that are given have to hold."""

    status: Statuses | None = Field(None, description="The status, or a list")
    body: Expression | None = Field(None, description="JMESPath over the body that is true")
    header: Headers = Field(
        default_factory=dict, description='Headers and their values; "*" for any value'
    )

    @model_validator(mode="after")
    def _check_match(self) -> Self:
        if self.status is None and self.body is None and not self.header:
            raise invalid("needs one of status, body and header", code="SYNC-0271")
        return self


class LimitMatch(Match):
    """`[[limits]]`: a response that means "slower", and how long to wait."""

    wait: Annotated[Text, AfterValidator(_wait)] = Field(
        "retry_after",
        description=(
            "backoff, retry_after, reset_epoch:HEADER, reset_date:HEADER, body_seconds:JMESPATH,"
            " seconds:NUMBER"
        ),
    )


class ErrorMatch(Match):
    """`[[errors]]`: a response that is an error whatever its status."""

    text: Expression | None = Field(None, description="JMESPath of the server's explanation")
    hint: Text | None = Field(None, description="What the administrator can do")


class Rate(Table):
    """`rate`: how many requests the API takes in a period."""

    requests: Annotated[int, Field(ge=1)] = Field(description="Number of requests")
    seconds: Annotated[int, Field(ge=1)] = Field(60, description="Length of the period")


class Api(Table):
    """The rules for all calls of an API."""

    headers: Headers = Field(default_factory=dict, description="Headers of each request")
    limits: list[LimitMatch] = Field(
        default_factory=list,
        description="Further responses that mean a limit; 429 and 503 with Retry-After always do",
    )
    errors: list[ErrorMatch] = Field(
        default_factory=list, description="Responses with status 200 that are errors"
    )
    resync: list[Match] = Field(
        default_factory=list,
        description="Responses after which the list has to be read from its beginning",
    )
    rate: Rate | None = Field(None, description="Requests that the API takes in a period")
    concurrency: Annotated[int, Field(ge=1, le=32)] | None = Field(
        None, description="Requests at the same time, where each record needs one; default 4"
    )
