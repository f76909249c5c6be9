"""`delta`: how an API lists what changed since a link, as data."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from scimsync.settings import Text
from scimsync.sources.http.api import Headers
from scimsync.sources.http.calls import Call
from scimsync.sources.http.expressions import Expression

_OTHER_MEANING = (401, 403, 408, 425, 429)


class DeltaFeed(Call):
    """`[delta]`: a call that brings all records at first, and then, by its link, what changed.

    It has paths, records, and paging of its own, as a join has.
    """

    refusals: ClassVar[frozenset[int]] = frozenset({*range(400, 500), 501} - {*_OTHER_MEANING})
    """What an API may answer to a link that it does not know or no longer knows. All of these mean
    that everything has to be read, and none that records are gone."""

    path: Text = Field(description="Path below the base URL")
    link: Expression = Field(
        description="JMESPath of the URL of later changes, which the body of the last page has"
    )
    removed: Expression = Field(
        description="JMESPath over a record that is true if the record is gone"
    )
    id: Text = Field("id", description="The member that says which record is meant")
    complete: list[Text] = Field(
        default_factory=list,
        description="Members of each complete record; a new record without them is incomplete",
    )
    headers: Headers = Field(
        default_factory=dict, description="Headers of its requests, in place of those of the preset"
    )
