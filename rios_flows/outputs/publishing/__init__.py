"""How outputs appear, whole or not at all: hidden directories, locks, and the last moves."""
