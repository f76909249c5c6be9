"""What one target is and does: its connection, matching of existing accounts, quarantine."""
