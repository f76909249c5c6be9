"""One target: its connection, the matching of existing accounts, and quarantine."""
