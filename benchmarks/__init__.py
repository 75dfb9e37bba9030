"""Benchmarks of the engine and of the Prefect shell; see README.md."""
