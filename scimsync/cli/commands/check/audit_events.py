"""Check `[audit.events]`: the file, the URL, and the secrets for it. Send nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from scimsync.audit.events.export import open_destination
from scimsync.audit.events.token_file import check_writable
from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.cli.commands.check.local_checks import check_permissions
from scimsync.config.audit import AuditEvents
from scimsync.config.models import Config
from scimsync.config.secrets import SecretReader, secret_references
from scimsync.errors import ConfigError
from scimsync.transport.auth.expiry import expiry_of, expiry_warning

_SUBJECT = Subject("audit", "events")


def check_audit_events(config: Config, today: date) -> Iterator[CheckResult]:
    """Check that events can be written to their file, and posted to their URL."""
    settings = config.audit.events
    if settings is None:
        return
    if settings.file is not None:
        yield _check_file(config, settings.file)
    if settings.url is not None:
        yield from _check_url(config, settings, today)


def _check_file(config: Config, file: str) -> CheckResult:
    path = config.base_dir / file
    try:
        check_writable(path)
    except OSError as error:
        return _SUBJECT.failed(
            ConfigError(
                f"{config.where('audit', 'events', 'file')}: {path} cannot be written:"
                f" {error.strerror}",
                hint="name a file in a folder that the user that runs scimsync can write to",
                code="SYNC-0939",
            )
        )
    return _SUBJECT.ok(f"events are written to {path}")


def _check_url(config: Config, settings: AuditEvents, today: date) -> Iterator[CheckResult]:
    table = settings.auth or settings
    secret = SecretReader(config, table, "audit", "events", "auth")
    references = secret_references(table)
    try:
        open_destination(config, settings, "url").close()
        for option in references:
            secret(option)
    except ConfigError as error:
        yield _SUBJECT.failed(error)
        return
    yield _SUBJECT.ok(f"events are posted to {urlsplit(settings.url or '').netloc}")
    for option, reference in references.items():
        yield from check_permissions(_SUBJECT, config, reference, f"audit.events.auth.{option}")
    expires = None if settings.auth is None else expiry_of(settings.auth, secret.read)
    if (warning := expiry_warning(expires, today)) is not None:
        yield _SUBJECT.warning(
            warning,
            code="SYNC-0159",
            hint="get new credentials, and change auth or the secret that it refers to",
        )
