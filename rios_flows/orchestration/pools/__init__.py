"""Compute workers as flow runs on a Prefect work pool."""
