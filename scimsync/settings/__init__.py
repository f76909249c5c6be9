"""Field types and the base class for the settings models of sync.toml.

`config` composes the whole file. Each kind of source, authenticator and notification channel
defines the model of its own table with what this package offers: a pydantic model that derives
from `Table` and whose fields are the types below. Validators report a wrong value with
`raise invalid(...)`.
"""

from scimsync.settings.quantities import AtLeast, AtMost, Duration, Span
from scimsync.settings.secret_reference import SecretReference, SecretText
from scimsync.settings.table import Table, invalid
from scimsync.settings.text_types import (
    AutoOrFlag,
    Condition,
    Name,
    Text,
    TextOrTexts,
    Texts,
    one_of,
)
from scimsync.settings.urls import BaseUrl, EndpointUrl, ProxyUrl, WebhookUrl

__all__ = [
    "AtLeast",
    "AtMost",
    "AutoOrFlag",
    "BaseUrl",
    "Condition",
    "Duration",
    "EndpointUrl",
    "Name",
    "ProxyUrl",
    "SecretReference",
    "SecretText",
    "Span",
    "Table",
    "Text",
    "TextOrTexts",
    "Texts",
    "WebhookUrl",
    "invalid",
    "one_of",
]
