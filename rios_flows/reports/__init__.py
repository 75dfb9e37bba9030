"""Records, results, progress, summaries and pictures of a run."""
