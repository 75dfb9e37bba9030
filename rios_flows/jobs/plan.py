"""The plan of a run: grid, blocks, inputs and outputs; values that pickle, with no open file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from rios_flows import rioserrors
from rios_flows.basics.types import Key, label_of
from rios_flows.controls.associations import FilenameAssociations, snapshot
from rios_flows.controls.options import InputOptions, Options
from rios_flows.geometry import regions
from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid, PixelGrid
from rios_flows.inputs.edges import Edges
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.opening import open_input, refuse_vector_controls
from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.validity import plan_valid
from rios_flows.inputs.warp import plan_warp
from rios_flows.jobs.recordsfile import place_for_records
from rios_flows.jobs.workinggrid import choose_grid
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.outputs.targets import Target, plan_targets, warn_of_replaced

if TYPE_CHECKING:
    from rios_flows.gdal.heldpixels import HeldPixels
    from rios_flows.inputs.vectors import VectorSource

#: Where all inputs are files.
NOTHING_HELD: Mapping[Key, HeldPixels] = MappingProxyType({})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run works by: the working grid, its blocks, inputs, outputs and options."""

    grid: PixelGrid
    blocks: BlockGrid
    inputs: tuple[InputPlan, ...]  # in the order of infiles
    targets: tuple[Target, ...]  # in the order of outfiles
    infiles: FilenameAssociations
    outfiles: FilenameAssociations
    options: Options

    @property
    def output_plan(self) -> OutputPlan:
        """The part of the plan that the outputs need."""
        options = self.options
        return OutputPlan(self.grid, self.blocks, self.targets, options.resume, options.tempdir)

    def for_reading_elsewhere(self) -> Plan:
        """Return the plan without pixels of memory, where others read; masks still need them."""
        if all(_held_by(item) is None for item in self.inputs):
            return self
        return replace(self, inputs=tuple(map(_without_pixels, self.inputs)))

    def describe(self, block: ApplierBlockDefn) -> str:
        """Name a block in a message."""
        return self.blocks.describe(block)


def build_plan(
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
    options: Options,
    held: Mapping[Key, HeldPixels] = NOTHING_HELD,
) -> Plan:
    """Look at every input once, and lay out the work; a RiosError says why it cannot be done.

    ``held`` has what is read in place of a file, by the input's key.
    """
    infiles, outfiles = snapshot(infiles), snapshot(outfiles)
    if options.resume and not len(outfiles):
        raise rioserrors.ParameterError(
            "setResume: there is no output file beside which blocks could be recorded; set it to "
            "False"
        )
    if options.resume and held:
        name = label_of(next(iter(held)))
        raise rioserrors.ParameterError(
            f"setResume: input '{name}' is in the memory of this process, and a later run could "
            "not know whether it is the same; write it to a file, or set it to False"
        )
    records = place_for_records(options.records_file, infiles, outfiles)
    options = replace(options, records_file=records)
    sources = _open_all(infiles, options, held)
    grid = choose_grid([source for source in sources if isinstance(source, RasterSource)], options)
    inputs = tuple(_plan_input(source, grid, options) for source in sources)
    targets = plan_targets(outfiles, options, (grid.ncols, grid.nrows))
    warn_of_replaced(infiles, targets)
    return Plan(
        grid=grid,
        blocks=BlockGrid(grid.ncols, grid.nrows, options.window, options.overlap),
        inputs=inputs,
        targets=targets,
        infiles=infiles,
        outfiles=outfiles,
        options=options,
    )


def _open_all(
    infiles: FilenameAssociations, options: Options, held: Mapping[Key, HeldPixels]
) -> list[RasterSource | VectorSource]:
    own = [options.inputs.get((name, number), InputOptions()) for name, number, _ in infiles]
    sources = [
        open_input((name, number), path, of_input, held.get((name, number)))
        for (name, number, path), of_input in zip(infiles, own, strict=True)
    ]
    refuse_vector_controls(sources, own)
    return sources


def _held_by(item: InputPlan) -> HeldPixels | None:
    return item.source.held if isinstance(item.source, RasterSource) else None


def _without_pixels(item: InputPlan) -> InputPlan:
    source = item.source
    if not isinstance(source, RasterSource) or any(source.masks):
        return item
    return replace(item, source=replace(source, held=None))


def _plan_input(
    source: RasterSource | VectorSource, grid: PixelGrid, options: Options
) -> InputPlan:
    if not isinstance(source, RasterSource):
        from rios_flows.inputs.vectorplan import plan_vector

        vector = plan_vector(source, grid, options.window, options.overlap)
        return InputPlan(source, (0, 0), (grid.ncols, grid.nrows), (1,), vector=vector)
    whole, fill = (grid.ncols, grid.nrows), options.inputs[source.key].overlap_fill
    difference = regions.mismatch(source.grid, grid)
    if not difference:
        size, offset = (source.grid.ncols, source.grid.nrows), regions.offset(source.grid, grid)
        edges = Edges.of(fill, offset, size, whole)
        return InputPlan(source, offset, size, source.bands, edges=edges)
    resampling = options.inputs[source.key].resampling
    if options.reference_grid is not None and difference.startswith("alignment"):
        logger.warning(
            "%s has pixels as large as those of the PixelGridDefn, and is resampled (%s): %s; give "
            "the PixelGridDefn corners that are whole pixels away to read it as it is",
            source.what,
            resampling,
            difference,
        )
    warp = plan_warp(
        source, grid, resampling, overlap=options.overlap, use_overviews=options.use_overviews
    )
    # a warped raster has the selected bands only
    bands = tuple(range(1, len(source.bands) + 1))
    return InputPlan(
        source,
        warp.offset,
        (warp.grid.ncols, warp.grid.nrows),
        bands,
        warp,
        # where a warped image ends is not known: its margin is filled from the working grid
        edges=Edges.of(fill, (0, 0), whole, whole),
        valid=plan_valid(source, warp),
    )
