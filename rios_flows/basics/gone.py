"""Names that RIOS 2 or rios_flows lacks, and what to write in their place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

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

#: What does the work of names of RIOS 2 that are its machinery, by module.
MACHINERY = {
    "computemanager": (
        "the engine launches workers by itself; computeWorkerKind of ConcurrencyStyle chooses "
        "them: CW_THREADS, CW_SUBPROC, CW_SLURM, CW_PBS, CW_ECS or CW_AWSBATCH",
        (
            *("AWSBatchComputeWorkerMgr", "ClassicBatchComputeWorkerMgr"),
            *("ComputeWorkerManager", "SubprocComputeWorkerManager", "ThreadsComputeWorkerMgr"),
            "getComputeWorkerManager",
        ),
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
    if instead is not None:
        return f"RIOS 2 has no {name}, nor has rios_flows: {instead}"
    module, _, inside = name.partition(".")
    why, names = MACHINERY.get(module, ("", ()))
    return f"rios_flows has no {name}: {why}" if inside in names else None


def instead_of(module: str) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of a module, which says what to write in place of what is gone."""
    inside = module.partition(".")[2]

    def missing(name: str) -> NoReturn:
        told = sentence(f"{inside}.{name}" if inside else name)
        if told is not None:
            # ``from module import name`` would hide the text of an AttributeError
            raise ImportError(told, name=module)
        raise AttributeError(f"module '{module}' has no attribute '{name}'", name=name)

    return missing


class _Modules:
    """Says why a module of this package is not there; Python asks it after all other finders."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, fullname: str, *places: Any) -> None:
        """Find nothing."""
        package, _, name = fullname.partition(".")
        told = sentence(name) if package == self._package else None
        if told is not None:
            raise ModuleNotFoundError(told, name=fullname)


def tell_of_modules(package: str) -> None:
    """Make ``import package.module`` say what to write in place of a module that is gone."""
    sys.meta_path.append(_Modules(package))
