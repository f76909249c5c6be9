"""Audit reports in the formats of files."""
