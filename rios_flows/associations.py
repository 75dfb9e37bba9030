"""Files and arrays under the names that the user function knows them by."""

from rios_flows.controls.associations import (
    BlockAssociations,
    FilenameAssociations,
    FilenameAssocIterator,
    OtherInputs,
    readable_files,
    snapshot,
)

__all__ = [
    "BlockAssociations",
    "FilenameAssocIterator",
    "FilenameAssociations",
    "OtherInputs",
    "readable_files",
    "snapshot",
]
