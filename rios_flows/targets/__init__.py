"""Where outputs go: formats, drivers, and the places in which files grow and appear."""
