"""A process that runs for years: schedules, file watch, health, metrics, notifications.

`loop.Daemon` is all of it; `afterwards` does for a single push what the daemon does besides its
pushes.
"""
