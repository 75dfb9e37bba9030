"""Raster and vector files that exist already."""
