"""Everything that could go wrong, looked at before it does: configuration, state, sources, secrets,
targets."""
