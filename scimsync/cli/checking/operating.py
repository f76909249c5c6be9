"""When the daemon would push, and whether those can be told whom sync.toml names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from scimsync.cli.checking.findings import About, Finding
from scimsync.cli.checking.secrets import check_kept
from scimsync.cli.moments import local
from scimsync.config.models import Config
from scimsync.config.schedule import first_after


def check_operating(config: Config, names: Sequence[str], now: datetime) -> Iterator[Finding]:
    """The times of the targets called `names`, where sync.toml has any; each receiver of messages.
    Nothing is sent."""
    if config.schedule.model_fields_set:
        schedule = config.schedule
        for name in names:
            timings = schedule.targets.get(name, schedule.push)
            following = first_after(timings, now, schedule.zone)
            when = (
                "never by itself"
                if following is None
                else f"{', '.join(map(str, timings))}; next {local(following)}"
            )
            yield About("schedule", name).ok(f"the daemon pushes: {when}")
    if config.notify.to:
        from scimsync.daemon.notify import check_receivers

        for name, wrong in check_receivers(config):
            about = About("receiver", name)
            yield (
                about.ok("can be told")
                if wrong is None
                else about.error(f"notify.to.{name}: {wrong}")
            )
            receiver = config.notify.to[name]
            for option, value in (
                ("apprise", receiver.apprise),
                ("webhook", receiver.webhook),
                ("secret", receiver.secret),
            ):
                if value is not None:
                    yield from check_kept(
                        about, config, value.get_secret_value(), f"notify.to.{name}.{option}"
                    )
