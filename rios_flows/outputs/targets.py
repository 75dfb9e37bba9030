"""The outputs of a run, checked as far as possible before the first block."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rios_flows import rioserrors
from rios_flows.basics.errortext import closed_above
from rios_flows.basics.types import Key, label_of
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.options import Options, OutputOptions
from rios_flows.formats.choosing import choose_format
from rios_flows.formats.format import Cut, Format
from rios_flows.outputs.publishing.directories import user_name
from rios_flows.outputs.publishing.remotepaths import is_remote
from rios_flows.reducers.overviews import SINGLE_PASS_METHODS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """One output."""

    key: Key
    path: str
    format: Format
    options: OutputOptions

    @property
    def label(self) -> str:
        """How messages call it: ``name`` or ``name[3]``."""
        return label_of(self.key)

    @property
    def what(self) -> str:
        """How messages call it with its file: ``'index.tif' (output 'index')``."""
        return f"'{self.path}' (output '{self.label}')"

    @property
    def named(self) -> str:
        """The same the other way round: ``output 'index' ('index.tif')``."""
        return f"output '{self.label}' ('{self.path}')"

    @property
    def title(self) -> str:
        """The same at the beginning of a message."""
        return f"O{self.named[1:]}"

    def refuse_single_pass(
        self,
        statistics: str | None = None,
        histogram: str | None = None,
        pyramids: str | None = None,
    ) -> None:
        """Raise SinglePassActionsError if the user insists on one that cannot be, for a reason."""
        options = self.options
        for what, insisted, why in (
            ("BasicStats", options.single_pass_statistics, statistics),
            ("Histogram", options.single_pass_histogram, histogram),
            ("Pyramids", options.single_pass_pyramids, pyramids),
        ):
            if insisted and why is not None:
                raise rioserrors.SinglePassActionsError(
                    f"setSinglePass{what}(True) cannot be for {self.named}: {why}; set it to None"
                )


def plan_targets(
    outfiles: FilenameAssociations, options: Options, size: tuple[int, int]
) -> tuple[Target, ...]:
    """Lay out the outputs on a grid of ``size`` (width and height), or refuse one."""
    targets, cut = [], Cut(options.window, size)
    for name, number, path in outfiles:
        wanted = options.outputs.get((name, number), OutputOptions())
        asked = wanted.driver, wanted.creation_options, wanted.default_creation_options
        chosen = choose_format(path, label_of((name, number)), cut, *asked)
        targets.append(Target((name, number), path, chosen, wanted))
    _check_paths(targets)
    for target in targets:
        _check_single_pass(target)
        if options.resume and is_remote(target.path):
            raise rioserrors.ParameterError(
                f"setResume: {target.what} cannot be resumed, since it "
                "is only uploaded when it is complete; write a local file, or set it to False"
            )
    return tuple(targets)


def warn_of_replaced(infiles: FilenameAssociations, targets: Iterable[Target]) -> None:
    """Warn of each output that replaces an input; that does no harm: it appears only at the end."""
    labels: dict[str, str] = {}
    for name, number, path in infiles:
        labels.setdefault(_identity(path), label_of((name, number)))
    for target in targets:
        path = _identity(target.path)
        # what lies beside the old output goes with it
        for file in (path, *sorted(target.format.sidecars_of(path))):
            if file in labels:
                logger.warning("%s replaces input '%s'", target.title, labels[file])


def _identity(path: str) -> str:
    """Return one spelling for all spellings of a file."""
    if path.startswith("/vsis3/"):
        return "s3://" + path.removeprefix("/vsis3/")
    return path if "://" in path else os.path.realpath(path)


def _check_paths(targets: Iterable[Target]) -> None:
    seen: dict[str, Target] = {}
    for target in targets:
        path = _identity(target.path)
        if path in seen:
            raise rioserrors.ParameterError(
                f"Outputs '{seen[path].label}' and '{target.label}' are the same file, "
                f"'{target.path}'"
            )
        seen[path] = target
        problem = None if is_remote(target.path) else _problem(target, path)
        if problem is not None:
            raise rioserrors.ImageOpenError(f"Unable to create {target.what}: {problem}")
    _check_beside(seen)


def _check_beside(targets: Mapping[str, Target]) -> None:
    """Refuse outputs that GDAL would take for a part of another one, such as its overviews."""
    for path, target in targets.items():
        for beside in target.format.sidecars_of(path).intersection(targets):
            raise rioserrors.ParameterError(
                f"{targets[beside].title} has the name of a file that belongs to {target.named}; "
                "give one of them another name"
            )


def _problem(target: Target, path: str) -> str | None:
    """Return why a local file cannot be written."""
    if "://" in target.path or target.path.startswith("/vsi"):
        return "outputs go to local files or to s3://"
    directory = _directory_problem(os.path.dirname(path))
    return directory or _kept_by_owner(path) or in_the_way(target.format, path)


def _kept_by_owner(path: str) -> str | None:
    """Return whose file it is, if only the owner may replace it, as in ``/tmp``."""
    directory = os.stat(os.path.dirname(path))
    if not directory.st_mode & stat.S_ISVTX or not os.path.lexists(path):
        return None
    owner = os.lstat(path).st_uid
    if os.geteuid() in (0, owner, directory.st_uid):
        return None
    return f"it belongs to {user_name(owner)}, who alone may replace it in a directory like this"


def in_the_way(wanted: Format, path: str) -> str | None:
    """Return why an output cannot replace what lies at a local path."""
    if os.path.isdir(path):
        if not wanted.is_directory:
            return "it is a directory"
        if not wanted.owns(path):  # its other files would be lost
            return f"it is a directory, and no {wanted.driver} store"
    elif os.path.exists(path) and not os.path.isfile(path):
        return "it is a device, pipe or socket, and no file"
    return None


def _directory_problem(directory: str) -> str | None:
    closed = closed_above(directory)
    if closed is not None:
        return f"this user may not look into the directory '{closed}'"
    if not os.path.isdir(directory):
        return f"'{directory}' is not a directory; make it first"
    if not os.access(directory, os.W_OK | os.X_OK):
        return f"the directory '{directory}' cannot be written to"
    return None


def _check_single_pass(target: Target) -> None:
    """Refuse a single pass that cannot be with any type of pixels."""
    options = target.options
    target.refuse_single_pass(
        statistics="setOmitBasicStats(True) leaves it out" if options.omit_statistics else None,
        histogram="setOmitHistogram(True) leaves it out" if options.omit_histogram else None,
        pyramids="setOmitPyramids(True) leaves it out" if options.omit_pyramids else None,
    )
    if options.approximate_statistics:
        why = "approximate statistics come from the finished file"
        target.refuse_single_pass(statistics=why, histogram=why)
    method = options.overview_resampling or "NEAREST"
    if method not in SINGLE_PASS_METHODS:
        target.refuse_single_pass(pyramids=f"{method} needs the whole raster")
    if not target.format.has_overviews:
        target.refuse_single_pass(pyramids=f"{target.format.driver} has no room for pyramids")
