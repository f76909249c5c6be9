"""One person at every target: what is known, what should be, what would be sent. `explain` gathers,
the others show it."""
