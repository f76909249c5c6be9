"""How the sequence of a provider is written: resources to make, and steps that send one request.

A path, a query, and a body may contain placeholders in braces. For a resource that is declared as
`user`, `{user}` is its id, `{user.name}` its userName or displayName, `{user.upper}` this name in
upper case, `{user.renamed}` a second name to change it to, and `{user.externalId}` its externalId.
`{user.version}` is its version as last shown, and `{run}` random text that no other run has. A step
is skipped while an id or a version that it names is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from scimsync.probe.answers import ProbeResponse
    from scimsync.probe.memory import Memory

PLACEHOLDER: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9]*)(?:\.([A-Za-z]+))?\}")
USERS: Final = "/Users"
GROUPS: Final = "/Groups"

Part = Literal["discovery", "users", "groups"]
Query = tuple[tuple[str, str | None], ...]
"""Names and values of a query, not percent-encoded. A name without a value has no `=`."""

Judge = Callable[["ProbeResponse", "Memory"], str | None]
"""Says what is wrong with a response, in words such as `status 200 instead of 409`; None: right."""


class BodyBuilder(Protocol):
    """Builds a body from what earlier responses showed, such as the document of a PUT."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The resources whose ids have to be known."""

    def __call__(self, memory: Memory, /) -> Mapping[str, Any]:
        """Return the body. The ids of the resources in `needs` are known."""


Body = Mapping[str, Any] | BodyBuilder


@dataclass(frozen=True, slots=True)
class MadeResource:
    """A user or a group that a sequence makes. `name` is its name in placeholders."""

    name: str
    endpoint: str = USERS


@dataclass(frozen=True, slots=True)
class Expect:
    """A check, and the judge that decides it. It fails at the first fault found."""

    check: str
    judges: tuple[Judge, ...]


def expect(check: str, *judges: Judge) -> Expect:
    """Return the expectation that all `judges` find the response right."""
    return Expect(check, judges)


@dataclass(frozen=True, slots=True)
class Send:
    """A request. `headers` are added to those of the sequence, and replace those of their name."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    body: Body | None = None
    query: Query = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        """The resources whose ids the request contains."""
        texts = [self.path, *(value or "" for _, value in self.query)]
        if callable(self.body):
            return frozenset((*ids_in(texts), *self.body.needs))
        return frozenset(ids_in([*texts, self.body]))


@dataclass(frozen=True, slots=True)
class ReadAfterWrite:
    """After a write that the server accepted: read `resource`, and judge what it holds now.

    This is not part of what the provider sends. A write that is judged by its effect needs it: a
    server may say 200 and store nothing. `query` is that of the GET.
    """

    resource: str
    expects: tuple[Expect, ...]
    query: Query = ()


def then(resource: str, *expects: Expect, query: Query = ()) -> ReadAfterWrite:
    """Return the order to read `resource` back and to judge it by `expects`."""
    return ReadAfterWrite(resource, expects, query)


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a sequence.

    `name` is a sentence in the imperative, unique in its sequence. `creates` names the resource
    whose id is in the response; each POST to /Users and /Groups needs it, even one that the server
    must refuse. `picks` gives the id of `picked`, a resource that the probe did not make, from the
    response. `needs` are resources whose ids have to be known beside those that the request
    contains. With `wrong_token`, the request has credentials that the server must refuse; it is
    skipped if the probe has none. `feature` is a part of the ServiceProviderConfig, such as `etag`,
    or `index` for pages by startIndex (RFC 9865 section 3): the step is skipped if the server has
    declared in the sequence that it does not support it.
    """

    name: str
    send: Send
    expects: tuple[Expect, ...] = ()
    then: ReadAfterWrite | None = None
    creates: str | None = None
    picked: str | None = None
    picks: Callable[[ProbeResponse], str | None] | None = None
    needs: tuple[str, ...] = ()
    part: Part = "users"
    wrong_token: bool = False
    feature: str | None = None

    @property
    def all_needs(self) -> frozenset[str]:
        """The resources whose ids have to be known."""
        return self.send.needs | frozenset(self.needs)

    @property
    def checks(self) -> Iterator[str]:
        """The checks that the step decides, in order."""
        for one in (*self.expects, *(self.then.expects if self.then is not None else ())):
            yield one.check


@dataclass(frozen=True, slots=True)
class ProviderSequence:
    """The requests of a provider, in order.

    `name` is the word for `--as`, `title` the provider's name. `headers` go with each request;
    `Content-Type` only with a body. The steps of `resources` make and remove them.
    """

    name: str
    title: str
    user_agent: str
    headers: tuple[tuple[str, str], ...]
    resources: tuple[MadeResource, ...]
    steps: tuple[Step, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks of all steps, each once, in order."""
        return tuple(dict.fromkeys(check for step in self.steps for check in step.checks))


def ids_in(value: object) -> Iterator[str]:
    """Yield the names of the resources with ids in a value with placeholders."""
    if isinstance(value, str):
        for name, attribute in PLACEHOLDER.findall(value):
            if not attribute and name != "run":
                yield name
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from ids_in(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from ids_in(item)
