"""Creating the file of an output, by its format."""

from __future__ import annotations

from contextlib import suppress

from rasterio.io import DatasetWriter

from rios_flows import rioserrors
from rios_flows.formats.format import Cut, Wanted
from rios_flows.gdal.manybands import with_many_bands
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.outputs.fidelity import check_created
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.outputs.publishing.directories import with_names
from rios_flows.outputs.targets import Target

#: Options that decide whether a file can hold pixels.
_DECIDING = ("COMPRESS", "OVERVIEW_COMPRESS", "PHOTOMETRIC", "COMPRESSION", "FILTER")


def create_output(plan: OutputPlan, target: Target, path: str, wanted: Wanted) -> DatasetWriter:
    """Create the file that an output's blocks are written to; refuse what it could not hold."""
    made, name = target.format, wanted.dtype.name
    _check_compression(target, wanted)
    try:
        cut = Cut(plan.blocks.window, (plan.grid.ncols, plan.grid.nrows))
        dataset = made.written.create(path, wanted, target.options.nodata, cut)
    # IndexError: a driver makes fewer bands; SystemError: one fails and does not say why
    except (*IO_ERRORS, ValueError, TypeError, IndexError, SystemError) as error:
        # rasterio fails to word this one
        untold = isinstance(error, TypeError) and "formatting" in str(error)
        cause = "the driver refuses the position of the pixels" if untold else error
        raise rioserrors.ImageOpenError(
            f"Unable to create {target.what} as {made.driver} of {wanted.bands} bands of {name} "
            f"with {[*map('='.join, made.options.items())]}: {with_names(str(cause))}"
        ) from error
    try:
        check_created(target, dataset, wanted)
        _describe(target, dataset)
    except BaseException:
        with suppress(*IO_ERRORS):  # it is thrown away
            dataset.close()
        raise
    return with_many_bands(dataset)


def _check_compression(target: Target, wanted: Wanted) -> None:
    made, dtype = target.format, wanted.dtype.name
    reason = made.reason_against(dtype, wanted.bands)
    if reason is not None:
        chosen = ", ".join(f"{n}={made.options[n]}" for n in _DECIDING if n in made.options)
        raise rioserrors.ImageOpenError(
            f"{target.title}: {made.driver} with {chosen} cannot hold "
            f"{wanted.bands} band(s) of {dtype}{reason}; call setCreationOptions without it, or "
            "with another, such as COMPRESS=DEFLATE, or convert the pixels in the user function"
        )


def _describe(target: Target, dataset: DatasetWriter) -> None:
    names, bands = target.options.layer_names, dataset.count
    if names is not None and len(names) < bands:
        given = "1 name was" if len(names) == 1 else f"{len(names)} names were"
        raise rioserrors.ParameterError(
            f"setLayerNames: {target.named} has {bands} bands, and {given} given"
        )
    for band in range(1, bands + 1):
        if names is not None:
            dataset.set_band_description(band, names[band - 1])
        if target.options.thematic:
            dataset.update_tags(band, LAYER_TYPE="thematic")
