"""Execute a plan: send the operations in order, and record what became of each."""
