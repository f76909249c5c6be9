"""What the commands share: options, session, output, progress, logs, errors."""
