"""Mask clouds and their shadows in a top-of-atmosphere image, in three passes."""

import argparse
import os
import sys
import tempfile

import numpy

from rios import VersionObj, applier, cuiprogress, fileinfo, rat
from rios import RIOS_VERSION

if VersionObj(RIOS_VERSION) < VersionObj("2.0.0"):
    raise SystemExit("This needs RIOS 2")

CODE_NULL, CODE_CLEAR, CODE_CLOUD, CODE_SHADOW, CODE_SNOW, CODE_WATER = range(6)
SCALE = 10000.0
GREEN, RED, NIR, SWIR = range(4)
BT_HISTSIZE = 4000
EXTENSIONS = {"HFA": ".img", "GTiff": ".tif", "KEA": ".kea"}


def getCmdargs():
    p = argparse.ArgumentParser()
    p.add_argument("-a", "--toa", help="Reflectance times 10000: green, red, near infrared, swir")
    p.add_argument("-t", "--thermal", help="Temperature in tenths of a Kelvin, at any pixel size")
    p.add_argument("-o", "--output")
    p.add_argument("-s", "--shift", default="3,-2", help="Rows,columns from cloud to shadow")
    p.add_argument("-b", "--buffer", type=int, default=2)
    p.add_argument("--saturation", help="Optional mask of saturated pixels")
    p.add_argument("-n", "--numthreads", type=int, default=0)
    p.add_argument("-v", "--verbose", default=False, action="store_true")
    return p.parse_args()


def mainRoutine():
    cmdargs = getCmdargs()
    tempfiles = []
    try:
        (pass1file, threshold) = doPotentialClouds(cmdargs, tempfiles)
        cloudfile = doCloudMask(cmdargs, pass1file, threshold, tempfiles)
        doFinalMask(cmdargs, pass1file, cloudfile)
    finally:
        for filename in tempfiles:
            for name in (filename, filename + ".aux.xml"):
                if os.path.exists(name):
                    os.remove(name)
    addColours(cmdargs.output)


def makeTempfile(prefix, tempfiles):
    ext = EXTENSIONS[applier.DEFAULTDRIVERNAME]
    (fd, filename) = tempfile.mkstemp(prefix=prefix, dir=".", suffix=ext)
    os.close(fd)
    tempfiles.append(filename)
    return filename


def makeControls(cmdargs):
    controls = applier.ApplierControls()
    controls.setWindowXsize(64)
    controls.setWindowYsize(48)
    controls.setReferenceImage(cmdargs.toa)
    if cmdargs.verbose:
        controls.setProgress(cuiprogress.CUIProgressBar())
    if cmdargs.numthreads > 0:
        controls.setConcurrencyStyle(applier.ConcurrencyStyle(
            numReadWorkers=1, numComputeWorkers=cmdargs.numthreads,
            computeWorkerKind=applier.CW_THREADS))
    return controls


def doPotentialClouds(cmdargs, tempfiles):
    infiles = applier.FilenameAssociations()
    outfiles = applier.FilenameAssociations()
    otherargs = applier.OtherInputs()
    controls = makeControls(cmdargs)

    infiles.toa = cmdargs.toa
    infiles.thermal = cmdargs.thermal
    infiles.saturation = cmdargs.saturation
    outfiles.pass1 = makeTempfile("pass1", tempfiles)
    controls.setResampleMethod("near", imagename="thermal")
    controls.setResampleMethod("near", imagename="saturation")
    controls.setCalcStats(False)

    toaImgInfo = fileinfo.ImageInfo(cmdargs.toa)
    otherargs.toaNull = toaImgInfo.nodataval[0]
    otherargs.clearHist = numpy.zeros(BT_HISTSIZE, dtype=numpy.uint32)
    rtn = applier.apply(potentialClouds, infiles, outfiles, otherargs, controls=controls)

    # The threads have a histogram each
    hist = numpy.zeros(BT_HISTSIZE, dtype=numpy.int64)
    for other in rtn.otherArgsList:
        hist += other.clearHist
    cumulative = hist.cumsum()
    threshold = numpy.where(cumulative >= 0.1 * cumulative[-1])[0][0]
    return (outfiles.pass1, threshold)


def potentialClouds(info, inputs, outputs, otherargs):
    null = (inputs.toa == otherargs.toaNull).any(axis=0)
    ref = inputs.toa.astype(numpy.float32) / SCALE
    with numpy.errstate(divide="ignore", invalid="ignore"):
        ndvi = (ref[NIR] - ref[RED]) / (ref[NIR] + ref[RED])
        ndsi = (ref[GREEN] - ref[SWIR]) / (ref[GREEN] + ref[SWIR])
    ndvi[~numpy.isfinite(ndvi)] = 0
    ndsi[~numpy.isfinite(ndsi)] = 0
    bright = ref[:3].mean(axis=0) > 0.25
    snow = (ndsi > 0.5) & (ref[NIR] > 0.11) & ~null
    water = (ndvi < 0.05) & (ref[NIR] < 0.08) & ~null
    cloud = bright & (ndvi < 0.6) & ~snow & ~null
    if inputs.saturation is not None:
        cloud |= (inputs.saturation[0] != 0) & ~null

    clear = ~(cloud | snow | water | null)
    counts = numpy.bincount(inputs.thermal[0][clear], minlength=BT_HISTSIZE)
    otherargs.clearHist += counts.astype(numpy.uint32)
    outputs.pass1 = numpy.array([cloud, snow, water, ~null]).astype(numpy.uint8)


def doCloudMask(cmdargs, pass1file, threshold, tempfiles):
    infiles = applier.FilenameAssociations()
    outfiles = applier.FilenameAssociations()
    otherargs = applier.OtherInputs()
    controls = makeControls(cmdargs)
    infiles.pass1 = pass1file
    infiles.thermal = cmdargs.thermal
    outfiles.cloud = makeTempfile("cloud", tempfiles)
    otherargs.threshold = threshold
    controls.selectInputImageLayers([1], imagename="pass1")
    controls.setOverlap(1)
    controls.setOmitPyramids(True)
    controls.setStatsIgnore(None)
    applier.apply(coldClouds, infiles, outfiles, otherargs, controls=controls)
    return outfiles.cloud


def coldClouds(info, inputs, outputs, otherargs):
    cloud = (inputs.pass1[0] == 1) & (inputs.thermal[0] < otherargs.threshold)
    # No pixel all alone
    count = numpy.zeros(cloud.shape, dtype=numpy.uint8)
    (nrows, ncols) = cloud.shape
    for row in (-1, 0, 1):
        for col in (-1, 0, 1):
            count[1:-1, 1:-1] += cloud[1 + row:nrows - 1 + row, 1 + col:ncols - 1 + col]
    outputs.cloud = numpy.array([cloud & (count > 1)], dtype=numpy.uint8)


def doFinalMask(cmdargs, pass1file, cloudfile):
    infiles = applier.FilenameAssociations()
    outfiles = applier.FilenameAssociations()
    otherargs = applier.OtherInputs()
    controls = makeControls(cmdargs)
    infiles.pass1 = pass1file
    infiles.cloud = cloudfile
    outfiles.mask = cmdargs.output
    otherargs.shift = [int(s) for s in cmdargs.shift.split(",")]
    otherargs.buffer = cmdargs.buffer
    controls.setOverlap(max(abs(s) for s in otherargs.shift) + cmdargs.buffer)
    controls.setThematic(True)
    controls.setStatsIgnore(CODE_NULL)
    controls.setLayerNames(["Cloud mask"])
    rtn = applier.apply(finalMask, infiles, outfiles, otherargs, controls=controls)
    if cmdargs.verbose:
        sys.stdout.write(rtn.timings.formatReport())


def grow(mask, size):
    result = mask.copy()
    (nrows, ncols) = mask.shape
    for row in range(-size, size + 1):
        for col in range(-size, size + 1):
            part = mask[max(0, row):nrows + min(0, row), max(0, col):ncols + min(0, col)]
            result[max(0, -row):nrows + min(0, -row), max(0, -col):ncols + min(0, -col)] |= part
    return result


def finalMask(info, inputs, outputs, otherargs):
    cloud = inputs.cloud[0] == 1
    (down, right) = otherargs.shift
    shadow = numpy.roll(cloud, (down, right), axis=(0, 1))
    cloud = grow(cloud, otherargs.buffer)
    shadow = grow(shadow, otherargs.buffer)
    (_, snow, water, valid) = inputs.pass1 == 1

    mask = numpy.full(cloud.shape, CODE_CLEAR, dtype=numpy.uint8)
    mask[water] = CODE_WATER
    mask[snow] = CODE_SNOW
    mask[shadow] = CODE_SHADOW
    mask[cloud] = CODE_CLOUD
    mask[~valid] = CODE_NULL
    outputs.mask = mask[numpy.newaxis, :, :]


def addColours(filename):
    colours = numpy.array([
        [CODE_NULL, 0, 0, 0, 0],
        [CODE_CLEAR, 0, 200, 0, 255],
        [CODE_CLOUD, 255, 255, 255, 255],
        [CODE_SHADOW, 60, 60, 60, 255],
        [CODE_SNOW, 85, 255, 255, 255],
        [CODE_WATER, 0, 0, 255, 255],
    ])
    rat.setColorTable(filename, colours)


if __name__ == "__main__":
    mainRoutine()
