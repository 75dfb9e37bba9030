"""A quick look at a raster: one band, reduced, in colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from rios_flows import rioserrors
from rios_flows.reports.pictures.canvas import INK, NO_DATA, new_figure, png


def save_quicklook(
    path: str | Path, target: str | Path, band: int = 1, size: int = 700, title: str | None = None
) -> Path:
    """Draw one band of a raster, reduced to at most ``size`` pixels a side, into a PNG file.

    Colours span the middle 96 % of the valid values. If these lie on both sides of 0, like those
    of a normalised index, 0 has the neutral colour in the middle. Invalid pixels stay grey.

    Parameters
    ----------
    path : str or Path
        The raster.
    target : str or Path
        The PNG file.
    band : int
        Which band, from 1.
    size : int
        Largest number of pixels read from a row or column.
    title : str, optional
        Instead of file name and band.

    Returns
    -------
    The file written.

    Raises
    ------
    FileOpenError
        If the raster cannot be read.
    GDALLayerNumberError
        If it has no such band.
    ParameterError
        If its pixels are complex, or there is no such size.
    """
    written = Path(target)
    written.write_bytes(quicklook_png(path, band, size, title))
    return written


def quicklook_png(path: str | Path, band: int, size: int, title: str | None = None) -> bytes:
    """Draw the same as a PNG."""
    pixels, extent, labels = _read_reduced(path, band, size)
    # room for the raster's shape (inches); beyond the limits it is drawn narrower than the figure
    tall = float(np.clip(5.0 * pixels.shape[0] / pixels.shape[1], 2.0, 6.5))
    width, height = 7.3, tall + 1.05
    fig = new_figure(width, height)
    ax = fig.add_axes((1.0 / width, 0.6 / height, 5.0 / width, tall / height))
    ax.set_facecolor(NO_DATA)
    image = ax.imshow(pixels, extent=extent, interpolation="nearest", **_stretch(pixels))
    ax.ticklabel_format(style="plain", useOffset=False)
    ax.locator_params(nbins=5)
    ax.tick_params(labelsize=8, colors=INK)
    ax.set_xlabel(labels[0], color=INK)
    ax.set_ylabel(labels[1], color=INK)
    ax.set_title(title or f"{Path(path).name}, band {band}", size=11, weight="bold", loc="left")
    bar_ax = ax.inset_axes((1.03, 0.0, 0.035, 1.0))
    bar = fig.colorbar(image, cax=bar_ax, extend="both")
    bar.ax.tick_params(labelsize=9, colors=INK)
    bar.set_label("pixel value", color=INK)
    return png(fig, colours=256, smooth=True)


def _read_reduced(
    path: str | Path, band: int, size: int
) -> tuple[np.ma.MaskedArray[Any, Any], tuple[float, float, float, float], tuple[str, str]]:
    """Read a band at quicklook size; give its extent as imshow wants it, and its axes' labels."""
    if size < 1 or size % 1:
        raise rioserrors.ParameterError(f"size={size!r} is not right: it must be pixels, from 1")
    try:
        with rasterio.open(path) as dataset:
            if band not in dataset.indexes:
                raise rioserrors.GDALLayerNumberError(
                    f"save_quicklook: '{path}' has no band {band}; "
                    f"give one from 1 to {dataset.count}"
                )
            if dataset.dtypes[band - 1].startswith("complex"):
                raise rioserrors.ParameterError(
                    f"No quicklook of '{path}': band {band} is complex, and has no order for "
                    "colours; write a raster of its real part or magnitude"
                )
            step = max(1.0, max(dataset.width, dataset.height) / size)
            shape = (max(1, round(dataset.height / step)), max(1, round(dataset.width / step)))
            pixels = dataset.read(band, out_shape=shape, masked=True)
            bounds, crs = dataset.bounds, dataset.crs
    except RasterioError as error:
        raise rioserrors.FileOpenError(f"No quicklook of '{path}': {error}") from error
    if crs is None:
        labels = ("x", "y")
    elif crs.is_geographic:
        labels = ("longitude (degrees)", "latitude (degrees)")
    else:
        labels = (f"easting ({crs.linear_units})", f"northing ({crs.linear_units})")
    return (
        np.ma.masked_invalid(pixels),
        (bounds.left, bounds.right, bounds.bottom, bounds.top),
        labels,
    )


def _stretch(pixels: np.ma.MaskedArray[Any, Any]) -> dict[str, Any]:
    """Choose colours and their limits."""
    valid = pixels.compressed()
    if not valid.size:
        return {"cmap": "viridis", "vmin": 0.0, "vmax": 1.0}
    low, high = (float(edge) for edge in np.percentile(valid, (2, 98)))
    if low < 0 < high:
        reach = max(-low, high)
        return {"cmap": "BrBG", "vmin": -reach, "vmax": reach}
    return {"cmap": "viridis", "vmin": low, "vmax": high if high > low else low + 1.0}
