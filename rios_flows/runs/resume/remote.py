"""What a store says of one of its files, without sending it."""

from __future__ import annotations

import ctypes

from rasterio.env import ensure_env_with_credentials

from rios_flows.gdal.private import GDAL

#: Headers that change with the content.
VERSIONS = ("etag", "last-modified")

_metadata = GDAL.VSIGetFileMetadata
_metadata.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
_metadata.restype = ctypes.POINTER(ctypes.c_char_p)
_destroy = GDAL.CSLDestroy
_destroy.argtypes = [ctypes.c_void_p]
_destroy.restype = None


def version_of(name: str, given: str) -> tuple[str, ...] | None:
    """Return tag, time and size (bytes) of a file by GDAL's name; None if they show no change."""
    # the name that the user has given tells rasterio which credentials are needed
    headers = ensure_env_with_credentials(lambda _: _headers(name))(given)
    if not any(headers.get(version) for version in VERSIONS):
        return None
    return tuple(headers.get(header, "") for header in (*VERSIONS, "content-length"))


def _headers(name: str) -> dict[str, str]:
    found = _metadata(name.encode(), b"HEADERS", None)
    if not found:
        return {}
    headers = {}
    try:
        index = 0
        while (line := found[index]) is not None:
            key, _, value = line.decode(errors="replace").partition("=")
            headers[key.lower()] = value
            index += 1
    finally:
        _destroy(found)
    return headers
