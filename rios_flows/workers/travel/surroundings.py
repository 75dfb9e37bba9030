"""What a user function finds around it in the caller's process, and is to find in a worker's."""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

from rios_flows.basics.naming import this_process

#: Variables by which users set defaults of rios_flows: a worker has those of its caller, no others.
_OURS = "RIOS_DFLT_"

#: Variables that GDAL's drivers, file systems and transformations read. Batch queues do not always
#: hand on the environment, and credentials of a store are often there.
_GDAL = (
    "AWS_", "AZURE_", "CPL_", "GDAL_", "GS_", "GTIFF_", "OGR_", "OSR_", "OSS_", "PROJ_NETWORK",
    "SWIFT_", "VSI", "VSI_",
)  # fmt: skip

#: Ends of names of places of one installation; another host may have them elsewhere.
_PLACES = ("_CA_BUNDLE", "_CONFIG", "_DATA", "_HOME", "_PATH", "_TMPDIR")

#: Credentials of one container, or what it is: those of another are its own.
_CONTAINER = "AWS_CONTAINER_CREDENTIALS_"
_OWN = (_CONTAINER, "AWS_BATCH_", "AWS_EXECUTION_ENV", "AWS_LAMBDA_")

#: These name files of the caller's machine, and would come before a container's own role.
_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")

#: As warnings.filters has them, with text for patterns.
_Filter = tuple[str, str | None, Any, str | None, int]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The working directory, variables, and folders with modules of a process.

    Attributes
    ----------
    folder : str
        The working directory; empty where it is not there any more.
    variables : dict
        Those variables of the environment that a job may depend on.
    first, last : tuple of str
        What the caller's ``sys.path`` has beside Python's own folders: before these, and after.
    levels : dict
        Those of loggers: what the caller does not hear is not sent.
    """

    folder: str
    variables: dict[str, str]
    first: tuple[str, ...]
    last: tuple[str, ...]
    levels: dict[str, int] = field(default_factory=dict)

    def _fitting(self) -> dict[str, str]:
        """Return the variables that make sense here: who has a role needs no profile."""
        has_role = any(name.startswith(_CONTAINER) for name in os.environ)
        return {
            name: value
            for name, value in self.variables.items()
            if not (has_role and name in _PROFILES)
        }

    def enter(self) -> None:
        """Give this process the same; what cannot be had is told in a warning."""
        for name in [name for name in os.environ if name.startswith(_OURS)]:
            if name not in self.variables:
                del os.environ[name]
        os.environ.update(self._fitting())
        for name, level in self.levels.items():
            logging.getLogger(name).setLevel(level)
        new = [path for path in sys.path if path not in {*self.first, *self.last}]
        sys.path[:] = [*self.first, *new, *self.last]
        if self.folder:
            self._move()

    def _move(self) -> None:
        try:
            os.chdir(self.folder)
        except OSError as error:
            warnings.warn(
                f"Worker {this_process()} cannot work in the directory of the run, {self.folder} "
                f"({error.strerror}), and stays in {os.getcwd()}; give files by absolute names, or "
                "start the run in a directory that every worker has",
                RuntimeWarning,
                stacklevel=2,
            )


def surroundings() -> Surroundings:
    """Return those of this process."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_OURS) or _travels(name)
    }
    first, last = _added_folders()
    return Surroundings(_working_directory(), variables, first, last, _levels())


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        # somebody has removed it
        return ""


def _travels(name: str) -> bool:
    return name.startswith(_GDAL) and not (name.endswith(_PLACES) or name.startswith(_OWN))


def _levels() -> dict[str, int]:
    """Return the levels of loggers that have one of their own, the root's by its name."""
    known = logging.root.manager.loggerDict.items()
    own = {name: each.level for name, each in known if isinstance(each, logging.Logger)}
    return {"root": logging.root.level, **{name: level for name, level in own.items() if level}}


def _added_folders() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is in ``sys.path`` before, and after, the first folder of the installation."""
    own = tuple({os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix)})
    there = [path for path in sys.path if os.path.isabs(path) or _working_directory()]
    folders = [os.path.abspath(path) for path in there]
    is_own = [path.startswith(own) and _is_installation(path) for path in folders]
    start = is_own.index(True) if True in is_own else len(folders)
    last = [path for path, owned in zip(folders, is_own, strict=True) if not owned][start:]
    return tuple(folders[:start]), tuple(last)


def _is_installation(path: str) -> bool:
    # an environment may lie in the folder of the project, and /usr is a prefix of much else
    return bool(re.search(r"site-packages|dist-packages|/lib\w*/python[\d.]+(\.zip|/|$)", path))


def warning_filters() -> tuple[_Filter, ...]:
    """Return the filters of warnings, as values."""
    return tuple(
        (str(action), _text(message), category, _text(module), lineno)
        for action, message, category, module, lineno in warnings.filters
    )


def set_warning_filters(filters: tuple[_Filter, ...]) -> None:
    """Filter warnings as another process does."""
    warnings.resetwarnings()
    for action, message, category, module, lineno in reversed(filters):
        chosen: Any = action
        warnings.filterwarnings(chosen, message or "", category, module or "", lineno)


def _text(pattern: Any) -> str | None:
    """Return the text of a pattern; Python's own filters have the name of a module instead."""
    if pattern is None or isinstance(pattern, re.Pattern):
        return None if pattern is None else str(pattern.pattern)
    return rf"{re.escape(pattern)}\Z"
