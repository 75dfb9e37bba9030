"""Looking at an input as a raster or as a vector; some files can be both."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rasterio.errors import RasterioError

from rios_flows import rioserrors
from rios_flows.basics.types import Key
from rios_flows.controls.options import InputOptions
from rios_flows.formats.known import WITH_LAYERS
from rios_flows.inputs.sources import RasterSource, check_ordinary, open_source

if TYPE_CHECKING:
    from rios_flows.gdal.heldpixels import HeldPixels
    from rios_flows.inputs.vectors import VectorSource

logger = logging.getLogger(__name__)


def open_input(
    key: Key, path: str, options: InputOptions, held: HeldPixels | None = None
) -> RasterSource | VectorSource:
    """Look at an input as a raster, else as a vector; with vector controls first as a vector."""
    if held is not None:
        return open_source(key, path, options, held)
    if options.vector_controls:
        return _vector_first(key, path, options)
    try:
        source = open_source(key, path, options)
    except rioserrors.FileOpenError as error:
        if not isinstance(error.__cause__, RasterioError):
            raise  # a raster, but not one that can be used
        try:
            return _vector(key, path, options)
        except rioserrors.FileOpenError:
            raise error from error.__cause__
    if options.vector_controls_for_all and source.driver in WITH_LAYERS:
        return _layer_beside(source, options) or source
    return source


def refuse_vector_controls(
    sources: Sequence[RasterSource | VectorSource], options: Sequence[InputOptions]
) -> None:
    """Refuse controls of vectors that are set for an input whose files all are rasters."""
    vectors = {source.key[0] for source in sources if not isinstance(source, RasterSource)}
    for_all = options[0].vector_controls_for_all if options and not vectors else ()
    if for_all:
        logger.warning("%s: there is no vector layer among the inputs", ", ".join(for_all))
    for source, own in zip(sources, options, strict=True):
        if own.vector_controls and source.key[0] not in vectors:
            raise rioserrors.ParameterError(
                f"{' and '.join(own.vector_controls)}: set for {source.what}, which is a raster "
                "and holds no vector layer; give the name of a vector input (vectorname)"
            )


def _vector(key: Key, path: str, options: InputOptions) -> VectorSource:
    # few jobs have vectors, and what these need takes a while to import
    from rios_flows.inputs.vectors import open_vector

    return open_vector(key, path, options.vector)


def _vector_first(key: Key, path: str, options: InputOptions) -> RasterSource | VectorSource:
    check_ordinary(key, path)
    try:
        return _vector(key, path, options)
    except rioserrors.FileOpenError as error:
        try:
            return open_source(key, path, options)
        except rioserrors.FileOpenError as of_raster:
            if isinstance(of_raster.__cause__, RasterioError):
                raise error from error.__cause__
            raise


def _layer_beside(source: RasterSource, options: InputOptions) -> VectorSource | None:
    """Return the chosen layer of a file that holds a raster, too; warn if none was chosen."""
    from rios_flows.inputs.vectors import layer_names

    if source.path.startswith(f"{source.driver}:"):
        return None  # a raster of that file
    try:
        names = layer_names(source.path, source.what)
    except rioserrors.FileOpenError:
        return None
    layer = options.vector.layer
    if "setVectorlayer" in options.vector_controls_for_all and (
        layer in names or (isinstance(layer, int) and 0 <= layer < len(names))
    ):
        return _vector(source.key, source.path, options)
    if names:
        logger.warning(
            "%s holds a raster and vector layers (%s), and its raster is read; if a layer is "
            "meant, choose it with setVectorlayer and vectorname='%s'",
            *(source.what, ", ".join(names), source.key[0]),
        )
    return None
