"""Render a plan as text, Markdown or JSON."""
