"""Execute a plan: send the operations in order, and record their outcomes."""
