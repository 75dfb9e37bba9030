"""The plan of a run: grid, blocks, inputs and outputs; values that pickle, with no open file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from rios_flows import regions, rioserrors
from rios_flows.associations import FilenameAssociations, snapshot
from rios_flows.formats import Format, format_of
from rios_flows.grid import ApplierBlockDefn, BlockGrid, PixelGrid
from rios_flows.options import InputOptions, Options, OutputOptions
from rios_flows.sources import RasterSource, label_of, open_source
from rios_flows.types import Key
from rios_flows.warp import WarpPlan, plan_warp
from rios_flows.workinggrid import choose_grid


@dataclass(frozen=True, slots=True)
class InputPlan:
    """How one input is read.

    Attributes
    ----------
    source : RasterSource
        The file.
    offset : tuple of int
        Column and row of the working grid at which the first pixel to be had lies (pixels).
    size : tuple of int
        How many columns and rows there are from there (pixels).
    bands : tuple of int
        Bands to read, from 1.
    warp : WarpPlan or None
        How it is brought onto the working grid; None where its own pixels are the grid's.
    """

    source: RasterSource
    offset: tuple[int, int]
    size: tuple[int, int]
    bands: tuple[int, ...]
    warp: WarpPlan | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One output.

    Attributes
    ----------
    key : tuple
        Symbolic name, and place in its list or None.
    path : str
        Final name of the file.
    format : Format
        Driver and creation options.
    options : OutputOptions
        What was asked for.
    """

    key: Key
    path: str
    format: Format
    options: OutputOptions

    @property
    def label(self) -> str:
        """How messages call it: ``name`` or ``name[3]``."""
        return label_of(self.key)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes
    ----------
    grid : PixelGrid
        The working grid.
    blocks : BlockGrid
        How it is cut.
    inputs : tuple of InputPlan
        In the order of ``infiles``.
    targets : tuple of Target
        In the order of ``outfiles``.
    infiles, outfiles : FilenameAssociations
        Copies of what the user gave.
    options : Options
        Everything else that was asked for.
    """

    grid: PixelGrid
    blocks: BlockGrid
    inputs: tuple[InputPlan, ...]
    targets: tuple[Target, ...]
    infiles: FilenameAssociations
    outfiles: FilenameAssociations
    options: Options

    def describe(self, block: ApplierBlockDefn) -> str:
        """Name a block in a message."""
        return self.blocks.describe(block)


def build_plan(
    infiles: FilenameAssociations, outfiles: FilenameAssociations, options: Options
) -> Plan:
    """Look at every input once, and lay out the work.

    Raises
    ------
    FileOpenError
        If an input cannot be opened, or an output's directory is missing or cannot be written to.
    ResampleNeededError
        If the inputs' grids differ.
    IntersectionError
        If the inputs have no pixel in common.
    """
    infiles, outfiles = snapshot(infiles), snapshot(outfiles)
    if options.resume and not len(outfiles):
        raise rioserrors.ParameterError(
            "setResume: there is no output file beside which blocks could be recorded; set it to "
            "False"
        )
    sources = [
        open_source((name, number), path, options.inputs.get((name, number), InputOptions()))
        for name, number, path in infiles
    ]
    grid = choose_grid(sources, options)
    inputs = tuple(_plan_input(source, grid, options) for source in sources)
    return Plan(
        grid=grid,
        blocks=BlockGrid(grid.ncols, grid.nrows, options.window, options.overlap),
        inputs=inputs,
        targets=_targets(outfiles, options, grid),
        infiles=infiles,
        outfiles=outfiles,
        options=options,
    )


def _plan_input(source: RasterSource, grid: PixelGrid, options: Options) -> InputPlan:
    if not regions.mismatch(source.grid, grid):
        size = (source.grid.ncols, source.grid.nrows)
        return InputPlan(source, regions.offset(source.grid, grid), size, source.bands)
    resampling = options.inputs[source.key].resampling
    warp = plan_warp(source, grid, resampling, use_overviews=options.use_overviews)
    # a warped raster has the selected bands only
    bands = tuple(range(1, len(source.bands) + 1))
    return InputPlan(source, warp.offset, (warp.grid.ncols, warp.grid.nrows), bands, warp)


def _targets(
    outfiles: FilenameAssociations, options: Options, grid: PixelGrid
) -> tuple[Target, ...]:
    targets = []
    for name, number, path in outfiles:
        wanted = options.outputs.get((name, number), OutputOptions())
        label = label_of((name, number))
        chosen = format_of(path, label, wanted, options.window, (grid.ncols, grid.nrows))
        targets.append(Target((name, number), path, chosen, wanted))
    _check_paths(targets)
    return tuple(targets)


def _check_paths(targets: Iterable[Target]) -> None:
    seen: dict[str, Target] = {}
    for target in targets:
        path = os.path.abspath(target.path)
        if path in seen:
            raise rioserrors.ParameterError(
                f"Outputs '{seen[path].label}' and '{target.label}' are the same file, "
                f"'{target.path}'"
            )
        seen[path] = target
        _check_directory(target, os.path.dirname(path), path)


def _check_directory(target: Target, directory: str, path: str) -> None:
    if not os.path.isdir(directory):
        problem = f"'{directory}' is not a directory; make it first"
    elif not os.access(directory, os.W_OK | os.X_OK):
        problem = f"the directory '{directory}' cannot be written to"
    elif os.path.isdir(path):
        problem = "it is a directory"
    else:
        return
    raise rioserrors.ImageOpenError(
        f"Unable to create '{target.path}' (output '{target.label}'): {problem}"
    )
