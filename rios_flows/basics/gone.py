"""Names of RIOS 1 that RIOS 2 lacks, and what to write in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

_FUNCTION = (
    "write a function of (info, inputs, outputs), and let applier.apply call it for every block"
)

#: What to write in place of a name that is gone.
INSTEAD = {
    "ApplierControls.setNumThreads": (
        "call controls.setConcurrencyStyle(applier.ConcurrencyStyle(numReadWorkers=1, "
        "computeWorkerKind=applier.CW_THREADS, numComputeWorkers=...))"
    ),
    "ApplierControls.setJobManagerType": (
        "give the kind as computeWorkerKind, applier.CW_THREADS for one, to "
        "applier.ConcurrencyStyle, and that to controls.setConcurrencyStyle"
    ),
    "ApplierControls.setLoggingStream": (
        "messages go to the logger 'rios_flows' of Python's logging module; give that a handler"
    ),
    "imagereader.ImageReader": f"name the files in an applier.FilenameAssociations, {_FUNCTION}",
    "imagewriter.ImageWriter": f"name the file in an applier.FilenameAssociations, {_FUNCTION}",
    "inputcollection": f"name the files in an applier.FilenameAssociations, {_FUNCTION}",
    "vectorreader": f"name the vector file in an applier.FilenameAssociations, {_FUNCTION}",
    "parallel": (
        "call controls.setConcurrencyStyle(applier.ConcurrencyStyle(...)), which says how many "
        "workers of which kind there are"
    ),
}


class OldNames:
    """Says what to write in place of an attribute that RIOS 1 had."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            # called only for attributes that are missing
            kind = type(self).__name__
            told = sentence(f"{kind}.{name}")
            usual = f"{kind!r} object has no attribute {name!r}"
            raise AttributeError(told or usual, name=name, obj=self)


def sentence(name: str) -> str | None:
    """Say what to write in place of a name, by its module or class; None if none is known."""
    instead = INSTEAD.get(name)
    return None if instead is None else f"RIOS 2 has no {name}, nor has rios_flows: {instead}"


def instead_of(module: str) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of a module.

    It raises an ImportError for a name that is gone: for ``from module import name``, Python hides
    the message of an AttributeError.
    """
    inside = module.partition(".")[2]

    def missing(name: str) -> NoReturn:
        told = sentence(f"{inside}.{name}" if inside else name) or sentence(inside)
        if told is not None and not name.startswith("__"):
            raise ImportError(told, name=module)
        raise AttributeError(f"module '{module}' has no attribute '{name}'", name=name)

    return missing
