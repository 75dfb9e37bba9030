"""Controls resolved for a few files."""

from __future__ import annotations

from typing import Any

from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import resolved
from rios_flows.controls.options import Options


class Progress:
    """A progress object."""

    def setProgress(self, percent: int) -> None:
        """Hear of progress."""


def before_close(dataset: Any, word: str) -> None:
    """Stand for a user's function."""


def inputs() -> FilenameAssociations:
    files = FilenameAssociations()
    files.nir = "nir.tif"
    files.dates = ["may.tif", "june.tif"]
    return files


def outputs() -> FilenameAssociations:
    files = FilenameAssociations()
    files.ndvi = "ndvi.tif"
    files.parts = ["a.tif", "b.tif"]
    return files


def resolve(controls: ApplierControls) -> Options:
    return resolved(controls, inputs(), outputs())[0]
