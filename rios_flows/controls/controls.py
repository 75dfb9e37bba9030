"""Everything that can be asked of a run beside its files and function, in RIOS's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.held import HeldControls
from rios_flows.controls.retries import BlockRetries


class ApplierControls(HeldControls):
    """How ``apply`` is to work; each control has a default, an attribute and a setter.

    Where a setter takes ``imagename`` or ``vectorname``, the value holds for that symbolic name
    only, and wins over the value for all. Values are checked when the run starts. Defaults are
    those of the ``RIOS_DFLT_*`` environment variables where set.

    Raises
    ------
    ParameterError
        If such a variable holds what it cannot mean.
    """

    def setWindowXsize(self, windowxsize: int) -> None:
        """Set the width of a block, margin excluded (pixels)."""
        self.windowxsize = windowxsize

    def setWindowYsize(self, windowysize: int) -> None:
        """Set the height of a block, margin excluded (pixels)."""
        self.windowysize = windowysize

    def setWindowSize(self, windowxsize: int, windowysize: int) -> None:
        """Set width and height of a block, margin excluded (pixels)."""
        self.windowxsize, self.windowysize = windowxsize, windowysize

    def setOverlap(self, overlap: int) -> None:
        """Set the margin that is read on every side of a block, and cut from outputs (pixels).

        Beyond the edge of an image there are no pixels: there the margin has the nodata value, or 0
        if the file has none. :meth:`setOverlapFill` has it filled from the image.
        """
        self.overlap = overlap

    def setFootprintType(self, footprint: int) -> None:
        """Set INTERSECTION, UNION or BOUNDS_FROM_REFERENCE: the extent of the working grid."""
        self.footprint = footprint

    def setFilesForExtent(self, filesforextent: Sequence[str] | None) -> None:
        """Set files that give the extent in place of the inputs."""
        self.filesforextent = self._set("filesforextent", None, filesforextent)

    def setBounds(self, bounds: Sequence[float] | None, crs: str | None = None) -> None:
        """Set the area to cover; the working grid is cut to the pixels that it touches.

        Parameters
        ----------
        bounds : sequence of float or None
            West, south, east and north.
        crs : str, optional
            Their CRS, as "EPSG:4326" or well-known text; None for that of the working grid.
        """
        self.bounds = self._set("bounds", None, bounds)
        self.boundsCrs = crs

    def setAreaOfInterest(self, areaOfInterest: str | None) -> None:
        """Set a vector or raster file whose extent is the area to cover, as with ``setBounds``."""
        self.areaOfInterest = areaOfInterest

    def setReferenceImage(self, referenceImage: str | None) -> None:
        """Set the symbolic name or file whose pixel grid is the working grid's."""
        self.referenceImage = referenceImage

    def setReferencePixgrid(self, referencePixgrid: Any) -> None:
        """Set a PixelGridDefn as the working grid's; it wins over a reference image."""
        self.referencePixgrid = referencePixgrid

    def setOutputDriverName(self, drivername: str | None, imagename: str | None = None) -> None:
        """Set GDAL's short name of the output format; None to go by the file's extension."""
        self.drivername = self._set("drivername", imagename, drivername)

    def setCreationOptions(
        self, creationoptions: Sequence[str] | None, imagename: str | None = None
    ) -> None:
        """Set NAME=VALUE creation options, a list or one string, in place of the defaults."""
        self.creationoptions = self._set("creationoptions", imagename, creationoptions)

    def setThematic(self, thematic: bool, imagename: str | None = None) -> None:
        """Set whether the values of an output are classes."""
        self.thematic = self._set("thematic", imagename, thematic)

    def setLayerNames(self, layernames: Sequence[str] | None, imagename: str | None = None) -> None:
        """Set the descriptions of an output's bands."""
        self.layernames = self._set("layernames", imagename, layernames)

    def setTags(self, tags: dict[str, str], imagename: str | None = None) -> None:
        """Set metadata of an output's file, a dict of texts by name."""
        self.tags = self._set("tags", imagename, tags)

    def setChecksum(self, checksum: str | None, imagename: str | None = None) -> None:
        """Set the checksum that is told of an output's file, as "sha256"; None for none."""
        self.checksum = self._set("checksum", imagename, checksum)

    def setStatsIgnore(self, statsIgnore: float | None, imagename: str | None = None) -> None:
        """Set the nodata value of an output, where its type can hold it; None for no such value."""
        self.statsIgnore = self._set("statsIgnore", imagename, statsIgnore)

    def setInputNoDataValue(
        self, nodataValue: float | Sequence[float] | None, imagename: str | None = None
    ) -> None:
        """Set the nodata value of an input, or a list with one for each band it is read with."""
        self.inputnodata = self._set("inputnodata", imagename, nodataValue)

    def setInputMask(self, inputMask: bool = True, imagename: str | None = None) -> None:
        """Set whether pixels that a mask of an input leaves out become its nodata value."""
        self.inputmask = self._set("inputmask", imagename, inputMask)

    def setResampleMethod(self, resampleMethod: str, imagename: str | None = None) -> None:
        """Set how an input is brought onto the working grid, by gdalwarp's name of the method."""
        self.resampleMethod = self._set("resampleMethod", imagename, resampleMethod)

    def setOverlapFill(self, overlapFill: str, imagename: str | None = None) -> None:
        """Set what an input's margin has beyond the edge of its image.

        Parameters
        ----------
        overlapFill : str
            "nodata": its nodata value, or 0 without one. "reflect": its pixels mirrored at the edge
            (``c b a | a b c``). "nearest": the pixels at the edge (``a a a | a b c``). The words
            are those of ``scipy.ndimage``.
        imagename : str, optional
            The input's symbolic name; None for all.
        """
        self.overlapFill = self._set("overlapFill", imagename, overlapFill)

    def selectInputImageLayers(
        self, layerselection: Sequence[int | str] | None, imagename: str | None = None
    ) -> None:
        """Set which bands of an input are read: numbers from 1, or descriptions; None for all."""
        self.layerselection = self._set("layerselection", imagename, layerselection)

    def setOmitPyramids(self, omitPyramids: bool, imagename: str | None = None) -> None:
        """Set whether an output goes without pyramids (overviews)."""
        self.omitPyramids = self._set("omitPyramids", imagename, omitPyramids)

    def setOmitBasicStats(self, omitBasicStats: bool, imagename: str | None = None) -> None:
        """Set whether an output goes without basic statistics."""
        self.omitBasicStats = self._set("omitBasicStats", imagename, omitBasicStats)

    def setOmitHistogram(self, omitHistogram: bool, imagename: str | None = None) -> None:
        """Set whether an output goes without a histogram."""
        self.omitHistogram = self._set("omitHistogram", imagename, omitHistogram)

    def setCalcStats(self, calcStats: bool, imagename: str | None = None) -> None:
        """Set whether an output gets pyramids, statistics and histogram, all or none."""
        for option in ("omitPyramids", "omitBasicStats", "omitHistogram"):
            self.setOptionForImagename(option, imagename, not calcStats)

    def setOverviewLevels(
        self, overviewLevels: Sequence[int], imagename: str | None = None
    ) -> None:
        """Set the decimation factors of an output's pyramids."""
        self.overviewLevels = self._set("overviewLevels", imagename, overviewLevels)

    def setOverviewMinDim(self, overviewMinDim: int, imagename: str | None = None) -> None:
        """Set what the shorter side of an overview, rounded down, must exceed (pixels)."""
        self.overviewMinDim = self._set("overviewMinDim", imagename, overviewMinDim)

    def setOverviewAggregationType(
        self, overviewAggType: str | None, imagename: str | None = None
    ) -> None:
        """Set how overviews are made, by GDAL's name of the method."""
        self.overviewAggType = self._set("overviewAggType", imagename, overviewAggType)

    def setSinglePassPyramids(
        self, singlePassPyramids: bool | None, imagename: str | None = None
    ) -> None:
        """Set whether pyramids are made while blocks pass; None to let the program choose."""
        self.singlePassPyramids = self._set("singlePassPyramids", imagename, singlePassPyramids)

    def setSinglePassBasicStats(
        self, singlePassBasicStats: bool | None, imagename: str | None = None
    ) -> None:
        """Set whether statistics are made while blocks pass; None to let the program choose."""
        self.singlePassBasicStats = self._set(
            "singlePassBasicStats", imagename, singlePassBasicStats
        )

    def setSinglePassHistogram(
        self, singlePassHistogram: bool | None, imagename: str | None = None
    ) -> None:
        """Set whether the histogram is made while blocks pass; None to let the program choose."""
        self.singlePassHistogram = self._set("singlePassHistogram", imagename, singlePassHistogram)

    def setApproxStats(self, approxStats: bool, imagename: str | None = None) -> None:
        """Set whether statistics and histogram may come from a sample."""
        self.approxStats = self._set("approxStats", imagename, approxStats)

    def setExactHistogram(self, exactHistogram: bool, imagename: str | None = None) -> None:
        """Set whether the finished file is read again, to count each bin of the histogram exactly.

        Types of 8 and 16 bits are counted exactly at once. Of others at most a thousandth of the
        pixels is counted in the bin next to its own.
        """
        self.exactHistogram = self._set("exactHistogram", imagename, exactHistogram)

    def setDefaultHistogram(self, defaultHistogram: bool, imagename: str | None = None) -> None:
        """Set whether the histogram also goes where GDAL looks for a default one: ``.aux.xml``."""
        self.defaultHistogram = self._set("defaultHistogram", imagename, defaultHistogram)

    def setAutoColorTableType(
        self, autoColorTableType: str | None, imagename: str | None = None
    ) -> None:
        """Set "rainbow", "gray" or "random": a colour table for thematic outputs."""
        self.autoColorTableType = self._set("autoColorTableType", imagename, autoColorTableType)

    def setCallBeforeClose(
        self,
        func: Callable[..., Any] | None,
        args: Sequence[Any] = (),
        imagename: str | None = None,
    ) -> None:
        """Set a function to call as ``func(dataset, *args)`` before an output is closed."""
        arguments: Any = args
        # what is no sequence is refused when the run starts
        if isinstance(arguments, Iterable) and not isinstance(arguments, str | bytes):
            arguments = tuple(arguments)
        value = None if func is None else (func, arguments)
        self.callBeforeClose = self._set("callBeforeClose", imagename, value)

    def setAllowOverviewsGdalwarp(self, allowOverviewsGdalwarp: bool) -> None:
        """Set whether an input's overviews may be read where it is brought to larger pixels."""
        self.allowOverviewsGdalwarp = allowOverviewsGdalwarp

    def setTempdir(self, tempdir: str) -> None:
        """Set where the directory of temporary files is made."""
        self.tempdir = tempdir

    def setConcurrencyStyle(self, concurrencyStyle: ConcurrencyStyle) -> None:
        """Set how many workers of which kind there are."""
        self.concurrency = concurrencyStyle

    def setJobName(self, jobName: str | None) -> None:
        """Set what the run is called."""
        self.jobName = jobName

    def setProgress(self, progress: Any) -> None:
        """Set an object whose ``setProgress(percent)`` is called as blocks are written."""
        self.progress = progress

    def setBlockRetries(self, userFunction: int = 0, io: int = 2, delay: float = 0.5) -> None:
        """Set how often a block is tried again.

        Parameters
        ----------
        userFunction : int
            Further tries after the user function raised.
        io : int
            Further tries after reading failed. Writing is not tried again: where it fails, GDAL has
            dropped pixels of other blocks by then.
        delay : float
            Wait before a further try (s).
        """
        self.blockRetries = BlockRetries(userFunction, io, delay)

    def setRecordsFile(self, recordsFile: str | None) -> None:
        """Set the JSON file that gets the records of the run at its end, also if it fails."""
        self.recordsFile = recordsFile

    def setShowOtherArgs(self, showOtherArgs: bool = True) -> None:
        """Set whether otherArgs is told where JSON can hold it, and so reaches Prefect's database.

        It is then among the parameters of the flow run before, and in its summary after the run.
        """
        self.showOtherArgs = showOtherArgs

    def setResume(self, resume: bool = True, checkpointInterval: float = 10.0) -> None:
        """Set whether a run that was killed goes on where it was, once called again.

        Parameters
        ----------
        resume : bool
            Record each block in a journal beside the first output as well. The next run of the same
            job takes what is there, and computes the rest.
        checkpointInterval : float
            The journal is made safe on disk this often (s); later blocks are computed again.
        """
        self.resume = resume
        self.checkpointInterval = checkpointInterval

    def setBurnValue(self, burnvalue: float, vectorname: str | None = None) -> None:
        """Set the value of pixels inside a vector's features."""
        self.burnvalue = self._set("burnvalue", vectorname, burnvalue)

    def setBurnAttribute(self, burnattribute: str | None, vectorname: str | None = None) -> None:
        """Set the attribute that gives the value of pixels inside a feature; wins over a value."""
        self.burnattribute = self._set("burnattribute", vectorname, burnattribute)

    def setVectorNull(self, vectornull: float, vectorname: str | None = None) -> None:
        """Set the value of pixels outside every feature, which is the nodata value, too."""
        self.vectornull = self._set("vectornull", vectorname, vectornull)

    def setFilterSQL(self, filtersql: str | None, vectorname: str | None = None) -> None:
        """Set a WHERE clause, without that word, that features must fulfil."""
        self.filtersql = self._set("filtersql", vectorname, filtersql)

    def setAlltouched(self, alltouched: bool, vectorname: str | None = None) -> None:
        """Set whether every pixel that a feature touches is inside it."""
        self.alltouched = self._set("alltouched", vectorname, alltouched)

    def setVectorDatatype(self, vectordatatype: Any, vectorname: str | None = None) -> None:
        """Set the numpy type of the pixels that a vector is made into."""
        self.vectordatatype = self._set("vectordatatype", vectorname, vectordatatype)

    def setVectorlayer(self, vectorlayer: int | str, vectorname: str | None = None) -> None:
        """Set the layer of a vector file, by number from 0 or by name."""
        self.vectorlayer = self._set("vectorlayer", vectorname, vectorlayer)
