"""GDAL's names of files in archives."""

from __future__ import annotations

import re

_ARCHIVE = re.compile(r"/vsi(?:zip|gzip|tar|7z|rar)/")
_ARCHIVE_NAME = re.compile(r".*?\.(?:zip|kmz|tar|tgz|tar\.gz|gz|7z|rar)(?=/|$)")


def inner_of(name: str) -> str:
    """Remove GDAL's prefixes of archives from a name."""
    while (found := _ARCHIVE.match(name)) is not None:
        name = name[found.end() :]
        if name.startswith("{"):
            name = name[1:].partition("}")[0]
        elif name.startswith("vsi"):
            name = "/" + name
    return name


def container_of(name: str) -> str:
    """Return the remote file that a name is, or is in."""
    inner = inner_of(name)
    found = _ARCHIVE_NAME.match(inner) if inner != name else None
    return inner if found is None else found[0]
