"""Functions over blocks of rows of attribute tables."""
