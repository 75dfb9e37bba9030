"""The errors that rios_flows raises, under the names that RIOS users catch.

Each is a :class:`RiosError`, and also the builtin that a Python programmer would expect, if one
fits. Each takes its whole message as one argument, so it can be pickled. Errors of colour tables
are here too, as in RIOS.
"""

from __future__ import annotations

import builtins
import warnings


class RiosError(Exception):
    """The base of all errors of rios_flows."""


class FileOpenError(RiosError, OSError):
    """A file cannot be opened."""


class ImageOpenError(FileOpenError):
    """A raster cannot be opened, or cannot be made as asked."""


class ImageReadError(FileOpenError):
    """A raster was opened, but its pixels cannot be read."""


class ImageWriteError(RiosError, OSError):
    """Pixels or side-car files of an output cannot be written."""


class ParameterError(RiosError, ValueError):
    """A parameter, control or environment variable has a value that makes no sense."""


class UnsupportedControlError(RiosError, NotImplementedError):
    """A control has a value that RIOS takes and that cannot be had here."""


class GDALLayerNumberError(RiosError, ValueError):
    """A layer of a raster does not exist."""


class ResampleNeededError(RiosError, ValueError):
    """Input grids differ, and nothing says which of them to use."""


class OutsideImageBoundsError(RiosError, IndexError):
    """A position lies outside the raster."""


class GdalWarpError(RiosError, RuntimeError):
    """An input cannot be warped onto the working grid."""


class ThematicError(RiosError, ValueError):
    """A raster must be thematic for this, or must not be."""


class ProcessCancelledError(RiosError, RuntimeError):
    """The user cancelled the run."""


class KeysMismatch(RiosError, KeyError):
    """Two collections that belong together have different names."""

    # KeyError shows the repr of its argument
    def __str__(self) -> str:
        return Exception.__str__(self)


class MismatchedListLengthsError(RiosError, ValueError):
    """Two lists that belong together differ in length."""


class AttributeTableColumnError(RiosError, KeyError):
    """An attribute table has no such column."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class AttributeTableTypeError(RiosError, TypeError):
    """An attribute table cannot hold values of this type."""


class ArrayShapeError(RiosError, ValueError):
    """An array has the wrong shape."""


class TypeConversionError(RiosError, TypeError):
    """A file cannot hold a type of pixels, or their values."""


class VectorAttributeError(RiosError, ValueError):
    """An attribute of a vector layer is missing or of an unsuitable type."""


class VectorGeometryTypeError(RiosError, ValueError):
    """A vector layer has an unsuitable type of geometry."""


class VectorProjectionError(RiosError, ValueError):
    """A vector layer has no coordinate reference system, or an unsuitable one."""


class VectorRasterizationError(RiosError, RuntimeError):
    """A vector layer cannot be burnt into pixels."""


class VectorLayerError(RiosError, ValueError):
    """A vector layer cannot be found or opened."""


class WrongControlsObject(RiosError, TypeError):
    """The controls given are of another class than this ``apply`` takes."""


class RatBlockLengthError(RiosError, ValueError):
    """Columns written for one block of an attribute table differ in length."""


class RatMismatchError(RiosError, ValueError):
    """Attribute tables that are read together differ in length."""


class IntersectionError(RiosError, ValueError):
    """The inputs have no pixel in common."""


class JobMgrError(RiosError, RuntimeError):
    """A batch system refused a job or lost it."""


class ColorTableGenerationError(RiosError, ValueError):
    """No colour table can be made as asked."""


class PermissionError(RiosError, builtins.PermissionError):
    """The user may not do this."""


class TimeoutError(RiosError, builtins.TimeoutError):
    """A wait took longer than its timeout allows."""


class UnavailableError(RiosError, RuntimeError):
    """A program, package or server that is needed is missing."""


class WorkerLostError(RiosError, RuntimeError):
    """Workers died in the midst of a block, again and again, or none is left."""


class WorkerExceptionError(RiosError, RuntimeError):
    """The user function or a worker raised an error: the cause, also shown in the message."""


class SinglePassActionsError(RiosError, ValueError):
    """Statistics, histogram or pyramids cannot be made in the single pass, as required."""


class ECSError(JobMgrError):
    """AWS ECS refused or ended a task."""


def deprecationWarning(msg: str, stacklevel: int = 2) -> None:
    """Warn of something that will go away, once for each calling line.

    Parameters
    ----------
    msg : str
        What will go away, and what to use instead.
    stacklevel : int
        Which line to name: 2 is the caller of the function that warns.
    """
    # FutureWarning, since Python hides a DeprecationWarning from everyone but the main script
    warnings.warn(msg, FutureWarning, stacklevel=stacklevel + 1)
