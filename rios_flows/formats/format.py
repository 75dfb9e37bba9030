"""What the program has to know of an output format, and what it assumes of any GDAL driver."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import rasterio
import rasterio.dtypes
from rasterio.io import DatasetReader, DatasetWriter, get_writer_for_driver

from rios_flows.basics.forks import without_threads
from rios_flows.formats.limits import YES, Limits
from rios_flows.formats.tiles import tile_side
from rios_flows.geometry.grid import PixelGrid
from rios_flows.reducers.nodata import Number, needs_digits

if TYPE_CHECKING:
    from rios_flows.formats.hfacolumns import Room
    from rios_flows.formats.tiffblocks import TiffDirectory
    from rios_flows.reducers.singlepass import Reducer

#: Least and greatest value of a number; None for no bound.
Bounds = tuple[float | None, float | None]


class Cut(NamedTuple):
    """How an output is written: width and height of a window and of the whole (pixels)."""

    window: tuple[int, int]
    size: tuple[int, int]

    @property
    def tile(self) -> tuple[int, int]:
        """Width and height of a tile that follows the window (pixels)."""
        across, down = map(tile_side, self.window, self.size)
        return across, down


class Wanted(NamedTuple):
    """What a file shall have."""

    grid: PixelGrid
    bands: int
    dtype: np.dtype[Any]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Format:
    """A driver with its creation options; ``known`` lists the classes of drivers that need one."""

    driver: str
    options: dict[str, str] = field(default_factory=dict)
    # the format of the file that this one copies, if it can only copy
    working: Format | None = None

    #: Endings of files that get this format where the user names no driver.
    endings: ClassVar[tuple[str, ...]] = ()
    #: Creation options where the user gives none.
    defaults: ClassVar[tuple[str, ...]] = ()
    #: Bounds of options, where GDAL tells them in words only.
    bounds: ClassVar[Mapping[str, Bounds]] = {}
    #: Why no output may have this format.
    refusal: ClassVar[str | None] = None
    #: It can only copy a finished file, which has the format ``working``.
    only_copies: ClassVar[bool] = False
    #: Options of a copy that has pixels and nothing else.
    pixels_only: ClassVar[Mapping[str, str]] = {}
    #: rasterio's mode for a new file.
    mode: ClassVar[str] = "w"
    #: Its files are directories, with nothing beside them.
    is_directory: ClassVar[bool] = False
    #: Several processes may write one file at a time, if each block has one writer.
    several_writers: ClassVar[bool] = False
    #: It keeps all that it is given, or says that it does not.
    is_faithful: ClassVar[bool] = False
    #: Types of pixels that it refuses or changes.
    missing_dtypes: ClassVar[tuple[str, ...]] = ()
    #: Whether a file has room for overviews, and whether they can be made before the pixels.
    has_overviews: ClassVar[bool] = True
    overviews_before_pixels: ClassVar[bool] = True
    #: Whether colours can be written after overviews.
    colors_after_overviews: ClassVar[bool] = True
    #: Whether an open file cannot lose statistics, and has all of them or none.
    statistics_stay: ClassVar[bool] = False
    #: Fewest bins of a histogram.
    fewest_bins: ClassVar[int] = 1
    #: Whether colours beyond the bins of the histogram are left out where all are the same.
    hides_colors: ClassVar[bool] = False
    #: Whether GDAL finds an attribute table again that it was given while a file was open.
    keeps_tables: ClassVar[bool] = True
    #: Names that it gives to the columns of an attribute table, by GDAL's number of their usage.
    column_names: ClassVar[Mapping[int, str]] = {}
    #: Types that columns of some usages have in any case, by GDAL's numbers: parts of colours.
    column_types: ClassVar[Mapping[int, int]] = dict.fromkeys((6, 7, 8, 9), 0)
    #: Whether parts of colours go from 0 to 255 only.
    has_byte_colors: ClassVar[bool] = False
    #: Whether names of columns that differ in capitals only are one.
    ignores_case: ClassVar[bool] = False
    #: Whether pixel counts of classes become a column of a table beside it.
    has_histogram_columns: ClassVar[bool] = True
    #: Whether GDAL takes pixels that it cannot read for nodata.
    hides_lost_pixels: ClassVar[bool] = False
    #: Whether it builds a tile of all bands from what the block cache has of them at that moment.
    assembles_tiles: ClassVar[bool] = False
    #: Options that change pixels, but not nodata.
    rounding: ClassVar[tuple[str, ...]] = ("NBITS", "DISCARD_LSB")
    #: The option that names the compression.
    compression_option: ClassVar[str] = ""
    #: Fewest and most bits of a pixel that NBITS makes, by type; the nearest is used.
    bits: ClassVar[Mapping[str, tuple[int, int]]] = {}

    @classmethod
    def of(cls, driver: str, options: dict[str, str], label: str, cut: Cut) -> Format:
        """Check an output's creation options, and make its format; raise ParameterError."""
        return cls(driver, without_threads(options))

    @property
    def written(self) -> Format:
        """The format of the file that blocks are written to."""
        return self.working or self

    @property
    def compression(self) -> str:
        """The compression in capitals, or nothing."""
        return self.options.get(self.compression_option, "").upper()

    @property
    def most_overviews(self) -> int | None:
        """How many of the overviews its options leave; None for all."""
        return None

    def is_on(self, option: str, default: str = "NO") -> bool:
        """Tell whether an option says yes."""
        return self.options.get(option, default).upper() in YES

    def sidecars_of(self, name: str) -> set[str]:
        """Return the names of the files that may lie beside a raster."""
        return {name + ending for ending in (".aux.xml", ".ovr", ".msk")}

    def owns(self, directory: str) -> bool:
        """Tell whether a directory holds nothing but a file of this format."""
        return False

    # which pixels it holds

    def holds_type(self, dtype: str) -> bool:
        """Tell whether pixels can be of a type."""
        return dtype in rasterio.dtypes.dtype_rev and dtype not in self.missing_dtypes

    def holds_nodata(self, dtype: str, nodata: Number) -> bool:
        """Tell whether the nodata value of pixels of a type reads as it was written."""
        limits = self.limits(dtype)
        return limits is None or limits.keeps(nodata)

    def lossy_option(self, dtype: str) -> str | None:
        """Return the option that changes values of a type; None if none does."""
        kind = np.dtype(dtype).kind
        option, limits = self._lossy_option(kind), self.limits(dtype)
        return limits.option if option is None and limits is not None and kind == "f" else option

    def _lossy_option(self, kind: str) -> str | None:
        lossy = self.compression in ("JPEG", "JPNG")
        return f"{self.compression_option}={self.compression}" if lossy else None

    def limits(self, dtype: str) -> Limits | None:
        """Return which values of a type are held; None for all."""
        if "NBITS" not in self.options or dtype not in self.bits:
            return None
        fewest, most = self.bits[dtype]
        bits = min(max(int(self.options["NBITS"]), fewest), most)
        return Limits(f"NBITS={self.options['NBITS']}", 0, 2**bits - 1) if bits < most else None

    def makes_others(self, dtype: str, bands: int) -> bool:
        """Tell whether quite other numbers come out of a file without a warning."""
        # JPEG knows no negative numbers: -1 would lie beside 255
        return self.compression == "JPEG" and np.dtype(dtype).kind != "u"

    def reason_against(self, dtype: str, bands: int) -> str | None:
        """Return why a compression cannot hold pixels of a type; None if it can."""
        return ": it would make other numbers of them" if self.makes_others(dtype, bands) else None

    @classmethod
    def why_no_column(cls, name: str) -> str | None:
        """Return why a column of an attribute table cannot have a name, where GDAL loses it."""
        return None

    @classmethod
    def room_for_tables(cls, path: str, band: int) -> Room | None:
        """Return how much longer the table in a file may get, where GDAL does not look."""
        return None

    def why_no_colors(self, dtype: str, band: int) -> str | None:
        """Return why a band cannot have a colour table, where GDAL leaves it out in silence."""
        return None

    def most_colors(self, dtype: str, most: int) -> int:
        """Return how many colours a table can have, at most those of any format."""
        return most

    # what is done with its files

    def create(self, path: str, wanted: Wanted, nodata: Number | None, cut: Cut) -> DatasetWriter:
        """Create the file that blocks are written to."""
        return self._created(path, wanted, nodata)

    def _created(
        self, path: str, wanted: Wanted, nodata: Number | None, **more: str
    ) -> DatasetWriter:
        grid, dtype = wanted.grid, wanted.dtype.name
        dataset = rasterio.open(
            path,
            self.mode,
            driver=self.driver,
            width=grid.ncols,
            height=grid.nrows,
            count=wanted.bands,
            dtype=dtype,
            nodata=None if needs_digits(dtype, nodata) else nodata,
            transform=grid.transform,
            crs=grid.crs or None,
            **(more | {name.lower(): value for name, value in self.options.items()}),
        )
        if wanted.tags:
            # now: a Zarr store that is opened again keeps none
            dataset.update_tags(**wanted.tags)
        return dataset

    def witness(self, path: str, dtype: np.dtype[Any], nodata: Number | None) -> Reducer | None:
        """Return what finds lost pixels of a new file; None where GDAL reports them."""
        return None

    @property
    def is_silent(self) -> bool:
        """Whether it does not say that it could not write a block."""
        return False

    def check_blocks(self, path: str) -> Sequence[TiffDirectory]:
        """Raise OSError if a finished file lacks a block; return its images if that tells them."""
        return ()

    def check_length(self, dataset: DatasetReader) -> None:
        """Raise OSError if an input lacks pixels and GDAL does not report it."""

    def has_position(self, shape: tuple[int, int]) -> bool:
        """Tell whether a raster of ``shape`` rows and columns keeps its position."""
        return True

    def why_unchangeable(self, dataset: DatasetReader) -> str | None:
        """Return why a file cannot be changed in place; None if it can."""
        if get_writer_for_driver(self.driver) is DatasetWriter:
            return None
        return (
            f"files of the driver {self.driver} cannot be changed where they are; copy it to a "
            "GTiff with rasterio.shutil.copy, and change that"
        )

    def drop_statistics(self, path: str) -> None:
        """Remove all statistics from a closed file, where an open one would keep them."""
        raise NotImplementedError(os.path.basename(path))
