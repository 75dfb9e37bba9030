"""Differences between the images of a time series, over lags, and the trend of each pixel."""

import os
import sys

import numpy
from rios import applier
from rios.cuiprogress import GDALProgressBar

LAGS = [1, 2]
NULL = -32768


def main(outdir, filelist):
    controls = applier.ApplierControls()
    infiles = applier.FilenameAssociations()
    outfiles = applier.FilenameAssociations()
    otherargs = applier.OtherInputs()

    infiles.images = sorted(filelist)
    outfiles.lags = [os.path.join(outdir, "lag%d.tif" % lag) for lag in LAGS]
    outfiles.trend = os.path.join(outdir, "trend.tif")
    otherargs.lags = LAGS
    otherargs.years = []
    controls.progress = GDALProgressBar()
    controls.windowxsize = 40
    controls.windowysize = 30
    controls.setStatsIgnore(NULL)
    controls.setStatsIgnore(float("nan"), imagename="trend")
    controls.setOutputDriverName("GTiff")
    controls.setLayerNames(["slope", "intercept", "count"], imagename="trend")
    applier.apply(lagsAndTrend, infiles, outfiles, otherargs, controls)
    print("Years: %s" % otherargs.years)


def yearOf(filename):
    return int(os.path.splitext(os.path.basename(filename))[0].split("_")[-1])


def lagsAndTrend(info, inputs, outputs, otherargs):
    years = numpy.array([yearOf(info.getFilenameFor(img)) for img in inputs.images])
    if info.isFirstBlock():
        otherargs.years = [int(year) for year in years]
    valid = numpy.array(
        [img[0] != info.getNoDataValueFor(img) for img in inputs.images]
    )
    stack = numpy.array([img[0] for img in inputs.images]).astype(numpy.float64)

    outputs.lags = []
    for lag in otherargs.lags:
        both = valid[lag:] & valid[:-lag]
        diffs = numpy.where(both, stack[lag:] - stack[:-lag], NULL)
        outputs.lags.append(diffs.astype(numpy.int16))

    x = numpy.where(valid, years[:, None, None], 0).astype(numpy.float64)
    y = numpy.where(valid, stack, 0)
    n = valid.sum(axis=0)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        slope = (n * (x * y).sum(axis=0) - x.sum(axis=0) * y.sum(axis=0)) / (
            n * (x * x).sum(axis=0) - x.sum(axis=0) ** 2)
        intercept = (y.sum(axis=0) - slope * x.sum(axis=0)) / n
    slope[n < 2] = numpy.nan
    intercept[n < 2] = numpy.nan
    outputs.trend = numpy.array([slope, intercept, n], dtype=numpy.float32)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
