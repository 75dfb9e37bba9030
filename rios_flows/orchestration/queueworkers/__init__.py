"""Worker types for Prefect's work pools: whole flow runs as jobs of a queue."""
