"""How outputs appear, whole or not at all: where they grow, their locks, and their last moves."""
