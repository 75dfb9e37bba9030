"""Everything that can be asked of a run beside its files and function, in RIOS's words."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from rios_flows.basics.defaults import from_environment
from rios_flows.basics.gone import OldNames
from rios_flows.controls import resolving
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.options import BlockRetries, Hooks, Options
from rios_flows.controls.settings import SETTINGS
from rios_flows.rioserrors import ParameterError


class ApplierControls(OldNames):
    """How ``apply`` is to work; each control has a default, an attribute and a setter.

    Where a setter takes ``imagename`` or ``vectorname``, the value holds for that symbolic name
    only, and wins over the value for all. Values are checked when the run starts, by
    :meth:`options`. Defaults are those of the ``RIOS_DFLT_*`` environment variables where set.

    Raises
    ------
    ParameterError
        If such a variable holds what it cannot mean.
    """

    windowxsize: int
    windowysize: int
    overlap: int
    footprint: int
    filesforextent: Sequence[str] | None
    referenceImage: str | None
    referencePixgrid: Any
    drivername: str | None
    creationoptions: Sequence[str] | None
    thematic: bool
    layernames: Sequence[str] | None
    statsIgnore: float | None
    inputnodata: float | Sequence[float] | None
    inputmask: bool
    resampleMethod: str
    layerselection: Sequence[int] | None
    omitPyramids: bool
    omitBasicStats: bool
    omitHistogram: bool
    overviewLevels: Sequence[int]
    overviewMinDim: int
    overviewAggType: str | None
    singlePassPyramids: bool | None
    singlePassBasicStats: bool | None
    singlePassHistogram: bool | None
    approxStats: bool
    exactHistogram: bool
    defaultHistogram: bool
    autoColorTableType: str | None
    callBeforeClose: tuple[Callable[..., Any], Sequence[Any]] | None
    allowOverviewsGdalwarp: bool
    tempdir: str
    concurrency: ConcurrencyStyle
    jobName: str | None
    progress: Any
    blockRetries: BlockRetries
    resume: bool
    checkpointInterval: float
    burnvalue: float
    burnattribute: str | None
    vectornull: float
    filtersql: str | None
    alltouched: bool
    vectordatatype: Any
    vectorlayer: int | str
    loggingstream: Any

    def __init__(self) -> None:
        defaults = from_environment()
        vars(self).update({name: setting.default for name, setting in SETTINGS.items()})
        self.windowxsize, self.windowysize = defaults.window
        self.overlap = defaults.overlap
        self.footprint = defaults.footprint
        self.drivername = defaults.driver
        self.overviewLevels = list(defaults.overview_levels)
        self.overviewMinDim = defaults.overview_min_dim
        self.overviewAggType = defaults.overview_method
        self.autoColorTableType = defaults.color_table
        self.concurrency = ConcurrencyStyle()
        # nothing is written to it, but scripts may look at it
        self.loggingstream = sys.stdout
        self._per_image: dict[str, dict[str, Any]] = {}
        self._creation_defaults = dict(defaults.creation_options)

    def setOptionForImagename(self, option: str, imagename: str | None, value: Any) -> None:
        """Set a control by the name of its attribute, for one image, or for all where it is None.

        Raises
        ------
        ParameterError
            If there is no such control, or it holds for the whole run only.
        """
        setting = SETTINGS.get(option)
        if setting is None:
            raise resolving.unknown_option("setOptionForImagename", option)
        if imagename is not None and not setting.per_image:
            raise ParameterError(
                f"setOptionForImagename: option={option!r} holds for the whole run; leave out the "
                f"image name {imagename!r}"
            )
        # the caller may go on with a list of his
        kept = copy.copy(value) if isinstance(value, list | np.ndarray) else value
        if imagename is None:
            setattr(self, option, kept)
        else:
            self._per_image.setdefault(option, {})[imagename] = kept

    def getOptionForImagename(self, option: str, imagename: str | None) -> Any:
        """Return a control for one image: its own value, else that for all.

        Raises
        ------
        ParameterError
            If there is no such control.
        """
        if option not in SETTINGS:
            raise resolving.unknown_option("getOptionForImagename", option)
        own = self._per_image.get(option, {})
        if imagename is not None and imagename in own:
            return own[imagename]
        return getattr(self, option)

    def resolved(
        self, infiles: FilenameAssociations, outfiles: FilenameAssociations
    ) -> tuple[Options, Hooks]:
        """Check every control, and freeze what holds for each of these images.

        Neither these controls nor their values are changed, and nothing is shared with them.

        Raises
        ------
        ParameterError
            If a control has a value that makes no sense, or names an image that is in neither
            ``infiles`` nor ``outfiles``; or if there is no input to take a grid from.
        UnsupportedControlError
            If a control is set that cannot be honoured.
        """
        return resolving.resolve(
            vars(self), self._per_image, self._creation_defaults, infiles, outfiles
        )

    def options(self, infiles: FilenameAssociations, outfiles: FilenameAssociations) -> Options:
        """Do the same as :meth:`resolved`, and return the options only."""
        return self.resolved(infiles, outfiles)[0]

    def changed(self) -> dict[str, Any]:
        """Return the controls that differ from the built-in defaults, in words that JSON can hold.

        A value for one image only stands under ``control[image]``.
        """
        return resolving.changed(vars(self), self._per_image)

    def __repr__(self) -> str:
        try:
            told = ", ".join(f"{name}={value!r}" for name, value in self.changed().items())
        except ParameterError as error:
            told = str(error)
        return f"{type(self).__name__}({told})"

    def __getstate__(self) -> dict[str, Any]:
        # a stream can be neither pickled nor copied
        return {name: value for name, value in vars(self).items() if name != "loggingstream"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, loggingstream=sys.stdout)

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
        """Set the margin that is read on every side of a block, and cut from outputs (pixels)."""
        self.overlap = overlap

    def setFootprintType(self, footprint: int) -> None:
        """Set INTERSECTION, UNION or BOUNDS_FROM_REFERENCE: the extent of the working grid."""
        self.footprint = footprint

    def setFilesForExtent(self, filesforextent: Sequence[str] | None) -> None:
        """Set files that give the extent in place of the inputs."""
        self.setOptionForImagename("filesforextent", None, filesforextent)

    def setReferenceImage(self, referenceImage: str | None) -> None:
        """Set the symbolic name or file whose pixel grid is the working grid's."""
        self.referenceImage = referenceImage

    def setReferencePixgrid(self, referencePixgrid: Any) -> None:
        """Set a PixelGridDefn as the working grid's; it wins over a reference image."""
        self.referencePixgrid = referencePixgrid

    def setOutputDriverName(self, drivername: str | None, imagename: str | None = None) -> None:
        """Set GDAL's short name of the output format; None to go by the file's extension."""
        self.setOptionForImagename("drivername", imagename, drivername)

    def setCreationOptions(
        self, creationoptions: Sequence[str] | None, imagename: str | None = None
    ) -> None:
        """Set NAME=VALUE creation options, a list or one string, in place of the defaults."""
        self.setOptionForImagename("creationoptions", imagename, creationoptions)

    def setThematic(self, thematic: bool, imagename: str | None = None) -> None:
        """Set whether the values of an output are classes."""
        self.setOptionForImagename("thematic", imagename, thematic)

    def setLayerNames(self, layernames: Sequence[str] | None, imagename: str | None = None) -> None:
        """Set the descriptions of an output's bands."""
        self.setOptionForImagename("layernames", imagename, layernames)

    def setStatsIgnore(self, statsIgnore: float | None, imagename: str | None = None) -> None:
        """Set the nodata value of an output, where its type can hold it; None for no such value."""
        self.setOptionForImagename("statsIgnore", imagename, statsIgnore)

    def setInputNoDataValue(
        self, nodataValue: float | Sequence[float] | None, imagename: str | None = None
    ) -> None:
        """Set the nodata value of an input, or a list with one for each band it is read with."""
        self.setOptionForImagename("inputnodata", imagename, nodataValue)

    def setInputMask(self, inputMask: bool = True, imagename: str | None = None) -> None:
        """Set whether pixels that a mask of an input leaves out become its nodata value."""
        self.setOptionForImagename("inputmask", imagename, inputMask)

    def setResampleMethod(self, resampleMethod: str, imagename: str | None = None) -> None:
        """Set how an input is brought onto the working grid, by gdalwarp's name of the method."""
        self.setOptionForImagename("resampleMethod", imagename, resampleMethod)

    def selectInputImageLayers(
        self, layerselection: Sequence[int] | None, imagename: str | None = None
    ) -> None:
        """Set which bands of an input are read, counted from 1; None for all."""
        self.setOptionForImagename("layerselection", imagename, layerselection)

    def setOmitPyramids(self, omitPyramids: bool, imagename: str | None = None) -> None:
        """Set whether an output goes without pyramids (overviews)."""
        self.setOptionForImagename("omitPyramids", imagename, omitPyramids)

    def setOmitBasicStats(self, omitBasicStats: bool, imagename: str | None = None) -> None:
        """Set whether an output goes without basic statistics."""
        self.setOptionForImagename("omitBasicStats", imagename, omitBasicStats)

    def setOmitHistogram(self, omitHistogram: bool, imagename: str | None = None) -> None:
        """Set whether an output goes without a histogram."""
        self.setOptionForImagename("omitHistogram", imagename, omitHistogram)

    def setCalcStats(self, calcStats: bool, imagename: str | None = None) -> None:
        """Set whether an output gets pyramids, statistics and histogram, all or none."""
        for option in ("omitPyramids", "omitBasicStats", "omitHistogram"):
            self.setOptionForImagename(option, imagename, not calcStats)

    def setOverviewLevels(
        self, overviewLevels: Sequence[int], imagename: str | None = None
    ) -> None:
        """Set the decimation factors of an output's pyramids."""
        self.setOptionForImagename("overviewLevels", imagename, overviewLevels)

    def setOverviewMinDim(self, overviewMinDim: int, imagename: str | None = None) -> None:
        """Set what the shorter side of an overview, rounded down, must exceed (pixels)."""
        self.setOptionForImagename("overviewMinDim", imagename, overviewMinDim)

    def setOverviewAggregationType(
        self, overviewAggType: str | None, imagename: str | None = None
    ) -> None:
        """Set how overviews are made, by GDAL's name of the method."""
        self.setOptionForImagename("overviewAggType", imagename, overviewAggType)

    def setSinglePassPyramids(
        self, singlePassPyramids: bool | None, imagename: str | None = None
    ) -> None:
        """Set whether pyramids are made while blocks pass; None to let the program choose."""
        self.setOptionForImagename("singlePassPyramids", imagename, singlePassPyramids)

    def setSinglePassBasicStats(
        self, singlePassBasicStats: bool | None, imagename: str | None = None
    ) -> None:
        """Set whether statistics are made while blocks pass; None to let the program choose."""
        self.setOptionForImagename("singlePassBasicStats", imagename, singlePassBasicStats)

    def setSinglePassHistogram(
        self, singlePassHistogram: bool | None, imagename: str | None = None
    ) -> None:
        """Set whether the histogram is made while blocks pass; None to let the program choose."""
        self.setOptionForImagename("singlePassHistogram", imagename, singlePassHistogram)

    def setApproxStats(self, approxStats: bool, imagename: str | None = None) -> None:
        """Set whether statistics and histogram may come from a sample."""
        self.setOptionForImagename("approxStats", imagename, approxStats)

    def setExactHistogram(self, exactHistogram: bool, imagename: str | None = None) -> None:
        """Set whether the finished file is read again, to count each bin of the histogram exactly.

        Types of 8 and 16 bits are counted exactly at once. For others no cumulative count is off by
        more than 1 % of the valid pixels.
        """
        self.setOptionForImagename("exactHistogram", imagename, exactHistogram)

    def setDefaultHistogram(self, defaultHistogram: bool, imagename: str | None = None) -> None:
        """Set whether the histogram also goes where GDAL looks for a default one: ``.aux.xml``."""
        self.setOptionForImagename("defaultHistogram", imagename, defaultHistogram)

    def setAutoColorTableType(
        self, autoColorTableType: str | None, imagename: str | None = None
    ) -> None:
        """Set "rainbow", "gray" or "random": a colour table for thematic outputs."""
        self.setOptionForImagename("autoColorTableType", imagename, autoColorTableType)

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
        self.setOptionForImagename("callBeforeClose", imagename, value)

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

    def setResume(self, resume: bool = True, checkpointInterval: float = 10.0) -> None:
        """Set whether a run that was killed is gone on with by calling the same again.

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
        self.setOptionForImagename("burnvalue", vectorname, burnvalue)

    def setBurnAttribute(self, burnattribute: str | None, vectorname: str | None = None) -> None:
        """Set the attribute that gives the value of pixels inside a feature; wins over a value."""
        self.setOptionForImagename("burnattribute", vectorname, burnattribute)

    def setVectorNull(self, vectornull: float, vectorname: str | None = None) -> None:
        """Set the value of pixels outside every feature, which is the nodata value, too."""
        self.setOptionForImagename("vectornull", vectorname, vectornull)

    def setFilterSQL(self, filtersql: str | None, vectorname: str | None = None) -> None:
        """Set a WHERE clause, without that word, that features must fulfil."""
        self.setOptionForImagename("filtersql", vectorname, filtersql)

    def setAlltouched(self, alltouched: bool, vectorname: str | None = None) -> None:
        """Set whether every pixel that a feature touches is inside it."""
        self.setOptionForImagename("alltouched", vectorname, alltouched)

    def setVectorDatatype(self, vectordatatype: Any, vectorname: str | None = None) -> None:
        """Set the numpy type of the pixels that a vector is made into."""
        self.setOptionForImagename("vectordatatype", vectorname, vectordatatype)

    def setVectorlayer(self, vectorlayer: int | str, vectorname: str | None = None) -> None:
        """Set the layer of a vector file, by number from 0 or by name."""
        self.setOptionForImagename("vectorlayer", vectorname, vectorlayer)
