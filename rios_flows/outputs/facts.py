"""What is told of a finished output: the size of its files, and a checksum if one is asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from rios_flows.basics.defaults import CHECKSUMS
from rios_flows.basics.types import label_of
from rios_flows.formats.format import Wanted
from rios_flows.outputs.targets import Target
from rios_flows.reducers.statistics import BandStatistics
from rios_flows.reports.rasters import PublishedOutput


def facts_of(
    target: Target,
    shown: str,
    made: Path,
    wanted: Wanted,
    statistics: list[BandStatistics | None],
) -> PublishedOutput:
    """Look at a finished output under the path ``made``, which will be ``shown``."""
    asked = target.options.checksum
    return PublishedOutput(
        name=label_of(target.key),
        path=shown,
        driver=target.format.driver,
        bands=wanted.bands,
        dtype=wanted.dtype.name,
        nbytes=sum(file.stat().st_size for file in _files(made.parent)),
        checksum=None if asked is None else f"{asked}:{checksum(made, asked)}",
        statistics=tuple(statistics),
    )


def checksum(path: Path, algorithm: str) -> str:
    """Return the digest of a file, as ``sha256sum`` prints it, in hexadecimal digits.

    That of a directory is the digest of such a program's output for all its files: a line each, of
    digest, two blanks and name from there, in the order of the names.
    """
    assert algorithm in CHECKSUMS
    if path.is_dir():
        files = sorted((file.relative_to(path).as_posix(), file) for file in _files(path))
        lines = "".join(f"{checksum(file, algorithm)}  {name}\n" for name, file in files)
        return hashlib.new(algorithm, lines.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder):
        yield from (Path(directory, name) for name in names)
