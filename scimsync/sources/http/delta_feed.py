"""`delta`: the description of an API call that lists the changes since a link."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from scimsync.settings import Text
from scimsync.sources.http.api import Headers
from scimsync.sources.http.calls import Call
from scimsync.sources.http.jmespath_expressions import Expression

_OTHER_MEANING = (401, 403, 408, 425, 429)


class DeltaFeed(Call):
    """`[delta]`: a call that lists all records at first, and then the changes since a link.

    It has paths, records, and paging of its own, as a join has.
    """

    refusals: ClassVar[frozenset[int]] = frozenset({*range(400, 500), 501} - {*_OTHER_MEANING})
    """Statuses by which an API may refuse a link. All of these mean that everything has to be read,
    and not that records are gone."""

    path: Text = Field(description="Path below the base URL")
    link: Expression = Field(
        description="JMESPath of the URL for later changes in the body of the last page"
    )
    removed: Expression = Field(
        description="JMESPath over a record that is true if the record is gone"
    )
    id: Text = Field("id", description="The member that identifies a record")
    complete: list[Text] = Field(
        default_factory=list,
        description="Members of each complete record; a new record without them is incomplete",
    )
    headers: Headers = Field(
        default_factory=dict, description="Headers of its requests, in place of those of the preset"
    )
