"""Which outputs go to S3."""

from __future__ import annotations

#: How their names begin; the second is GDAL's spelling.
PREFIXES = ("s3://", "/vsis3/")


def is_remote(path: str) -> bool:
    """Tell whether an output goes to S3."""
    return path.startswith(PREFIXES)
