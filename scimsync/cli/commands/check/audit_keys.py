"""Check the keys of `[audit]`, which sign and verify reports."""

from __future__ import annotations

from collections.abc import Iterator

from scimsync.audit.keys import signing_key, verification_key
from scimsync.audit.signature import key_id
from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.cli.commands.check.local_checks import check_permissions
from scimsync.config.models import Config
from scimsync.errors import ConfigError


def check_audit_keys(config: Config) -> Iterator[CheckResult]:
    """Check that the keys can be used, and that they belong together. Show no secret."""
    settings, subject = config.audit, Subject("audit", "keys")
    if settings.key is None and settings.public_key is None:
        return
    try:
        key = signing_key(config)
        public = None if settings.public_key is None else verification_key(config)
    except ConfigError as error:
        yield subject.failed(error)
        return
    what = "reports" if config.audit.events is None else "reports and events"
    signs = f"{what} are signed" if key is not None else "reports are not signed"
    known = key.public_key() if key is not None else public
    assert known is not None  # noqa: S101 - there is one of them
    yield subject.ok(f"{signs}; key {key_id(known)}")
    if settings.key is not None:
        reference = settings.key.get_secret_value()
        yield from check_permissions(subject, config, reference, "audit.key")
