"""What a style of concurrency needs, looked at before a run, each finding with its remedy."""
