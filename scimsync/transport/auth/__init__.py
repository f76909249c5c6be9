"""Authenticators: how a request proves who sends it."""
