"""Compute workers outside the process."""
