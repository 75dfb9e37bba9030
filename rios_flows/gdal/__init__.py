"""GDAL: its settings, its C interface, and the failures that it does not report."""
