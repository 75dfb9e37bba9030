"""Compute workers outside the process: local processes, and jobs of a queue."""
