"""Prefect's user interface in a real browser."""
