"""The file for the records of a run, checked before the run."""

from __future__ import annotations

import os

from rios_flows import rioserrors
from rios_flows.basics.types import label_of
from rios_flows.controls.associations import FilenameAssociations


def place_for_records(path: str | None, *files: FilenameAssociations) -> str | None:
    """Return the absolute path, or raise ParameterError if the file cannot be written there."""
    if path is None:
        return None
    told, path = f"setRecordsFile: '{path}'", os.path.abspath(path)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise rioserrors.ParameterError(f"{told}: there is no directory '{folder}'; make it first")
    if os.path.isdir(path):
        raise rioserrors.ParameterError(f"{told} is a directory; name a file")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise rioserrors.ParameterError(f"{told} cannot be written to; name another file")
    for associations in files:
        for name, number, file in associations:
            if os.path.realpath(file) == os.path.realpath(path):
                raise rioserrors.ParameterError(
                    f"{told} is the file of '{label_of((name, number))}'; name another file"
                )
    return path
