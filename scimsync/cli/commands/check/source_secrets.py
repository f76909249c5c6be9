"""Check the secrets under `auth` of sources: where they come from, and when they expire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.config.models import Config
from scimsync.config.secrets import SecretReader, secret_references
from scimsync.errors import ConfigError
from scimsync.transport.auth import AuthenticatorSettings
from scimsync.transport.auth.expiry import expiry_of, expiry_warning


def check_source_secrets(
    config: Config, names: Sequence[str], today: date
) -> Iterator[CheckResult]:
    """Resolve the secrets of the sources called `names`, without showing them.

    Those that are missing are reported when their source is read.
    """
    for name in names:
        auth = getattr(config.sources[name], "auth", None)
        if not isinstance(auth, AuthenticatorSettings):
            continue
        subject = Subject("source", name)
        secret = SecretReader(config, auth, "sources", name, "auth")
        for option, reference in secret_references(auth).items():
            try:
                secret(option)
            except ConfigError:
                continue
            scheme, _, rest = reference.partition(":")
            origin = "sync.toml itself" if scheme == "literal" else f"{scheme}:{rest}"
            yield subject.ok(f"{option} from {origin}")
        warning = expiry_warning(expiry_of(auth, secret.read), today)
        if warning is not None:
            yield subject.warning(
                warning,
                code="SYNC-0159",
                hint="get new credentials, and change auth or the secret that it refers to",
            )
