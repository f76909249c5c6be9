"""The commands, one a module; `scimsync.cli` loads them by name."""
