"""The files that inputs consist of, and what shows that one of them has changed."""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from itertools import combinations
from xml.etree import ElementTree

import rasterio
from rasterio.errors import RasterioError

from rios_flows.formats.known import class_of
from rios_flows.gdal.archives import container_of, inner_of
from rios_flows.gdal.private import gdal_path
from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.vectors import VectorSource
from rios_flows.outputs.publishing.scratch import SUFFIX
from rios_flows.runs.resume.remote import version_of

logger = logging.getLogger(__name__)

#: Files that belong to another one: what they add to its name...
ADDED = (".aux.xml", ".ovr", ".msk", "-wal", "-journal")

#: ...and what they have in place of its ending.
_SHAPE = ("shp", "shx", "dbf", "prj", "cpg", "qix", "sbn", "sbx", "idm", "ind")
_MAPINFO = ("tab", "dat", "map", "id", "ind")
INSTEAD = {
    **dict.fromkeys(("shp", "shx", "dbf"), _SHAPE),
    **dict.fromkeys(("tab", "map"), _MAPINFO),
    "mif": ("mid",),
    "gml": ("xsd", "gfs"),
    "csv": ("csvt", "prj"),
    "img": ("ige", "rrd"),
}

#: Elements with the name of another file in a virtual raster or layer.
_NAMES_FILE = ("SourceFilename", "SourceDataset", "SrcDataSource", "MaskFilename")


def input_states(sources: Iterable[RasterSource | VectorSource]) -> dict[str, object]:
    """Return the state of each file of some inputs, by its name: it changes with the content."""
    files = _Files()
    for source in sources:
        files.add_source(source)
    return files.states


class _Files:
    """Collects files, and those that they lead to."""

    def __init__(self) -> None:
        self.states: dict[str, object] = {}
        self._given = self._told = ""

    def add_source(self, source: RasterSource | VectorSource) -> None:
        """Add the files of an input."""
        raster = isinstance(source, RasterSource)
        path = self._given = source.opens if isinstance(source, RasterSource) else source.path
        self._told = _file_in(path) if raster else ""
        if path.lstrip().startswith("<"):
            self._add_virtual(path, "")
        else:
            self._add(_file_in(path))
        if raster:
            self._add_told(path)

    def _add_told(self, path: str) -> None:
        """Add the files that GDAL names for a raster."""
        try:
            with rasterio.open(path) as dataset:
                names, driver = dataset.files, dataset.driver
        except RasterioError:
            return  # reading will say so
        if class_of(driver).is_directory and _local(_file_in(path)) is None:
            self._unknown(path)  # one file a chunk: too many to ask for
        for name in names:
            if not name.lstrip().startswith("<"):
                self._add(_file_in(name))

    def _add(self, name: str) -> None:
        if name in self.states:
            return
        local, state = _local(name), None
        if local is not None:
            state = _state(local)
        elif _is_remote(name):
            state = version_of(container_of(name), self._given)
        if state is None:
            self._unknown(name)
            return
        self.states[name] = state
        for other in _companions(name):
            self._add_companion(other)
        if _suffix(name) in ("vrt", "ovf"):
            self._look_into(name)

    def _add_companion(self, name: str) -> None:
        """Add a file if it exists; not an empty one, which a reader may have left."""
        if name in self.states:
            return
        if not _is_remote(name):
            if os.path.isfile(name) and os.path.getsize(name):
                self.states[name] = _state(name)
        elif _suffix(self._given) in INSTEAD:
            self.states[name] = version_of(name, self._given)

    def _look_into(self, name: str) -> None:
        if os.path.isfile(name):
            with open(name, "rb") as file:
                self._add_virtual(file.read(), os.path.dirname(name))
        elif name != self._told:
            self._unknown(name)

    def _add_virtual(self, text: str | bytes, folder: str) -> None:
        try:
            tree = ElementTree.fromstring(text)
        except ElementTree.ParseError:
            self._unknown(self._given)
            return
        for element in tree.iter():
            if element.tag in _NAMES_FILE and element.text:
                name = element.text.strip()
                relative = "1" in (element.get("relativeToVRT"), element.get("relativetoVRT"))
                self._add(_file_in(os.path.join(folder, name) if relative else name))

    def _unknown(self, name: str) -> None:
        logger.warning(
            "Nothing tells whether '%s' changes, so that no later run can go on from this one", name
        )
        # another each time, so that it never counts as unchanged
        self.states[name] = uuid.uuid4().hex


def _file_in(path: str) -> str:
    """Return the file that a path names: absolute, or GDAL's name if it is not local."""
    if os.path.exists(path):
        return os.path.abspath(path)
    name = gdal_path(path)
    if name.startswith("/vsi"):
        return name
    name = name.partition("!")[0]
    # as in NETCDF:"/folder/file.nc":band, or GTIFF_DIR:2:/folder/file.tif
    parts = name.replace('"', "").split(":")
    for first, last in sorted(combinations(range(len(parts) + 1), 2), key=lambda x: x[0] - x[1]):
        part = ":".join(parts[first:last])
        if part.startswith("/vsi") or os.path.exists(part):
            return part if part.startswith("/vsi") else os.path.abspath(part)
    return path


def _is_remote(name: str) -> bool:
    return inner_of(name).startswith("/vsi")


def _local(name: str) -> str | None:
    """Return the local file or directory that holds a file; None if there is none."""
    inner = inner_of(name)
    if inner.startswith("/vsi"):
        return None
    if inner == name:
        return name if os.path.exists(name) else None
    # the archive that it is in
    while inner and not os.path.isfile(inner):
        inner = os.path.dirname(inner).rstrip("/")
    return inner or None


def _state(path: str) -> object:
    if os.path.isdir(path):
        return hashlib.sha256(repr(sorted(_entries(path, path))).encode()).hexdigest()
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def _entries(folder: str, root: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX):
                continue  # an output grows there
            if entry.is_dir():
                yield from _entries(entry.path, root)
            elif entry.is_file():
                status = entry.stat()
                name = os.path.relpath(entry.path, root)
                yield name, status.st_size, status.st_mtime_ns


def _companions(name: str) -> Iterator[str]:
    if inner_of(name) != name:
        return  # the archive's state covers them
    for ending in ADDED:
        yield name + ending
    stem = os.path.splitext(name)[0]
    for ending in INSTEAD.get(_suffix(name), ()):
        yield f"{stem}.{ending}"
        yield f"{stem}.{ending.upper()}"


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1][1:].lower()
