"""A process that runs for years: schedules, file watch, health, metrics, notifications.

`loop.Daemon` is all of it; `afterwards` gives a single push what the daemon does beside its pushes.
"""
