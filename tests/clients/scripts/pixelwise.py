"""Fit a line through the bands of each pixel, one pixel at a time."""

import sys

import numpy
from rios import applier


def fitOne(info, inputs, outputs):
    series = inputs.series[:, 0, 0].astype(float)
    (slope, intercept) = numpy.polyfit(numpy.arange(len(series)), series, 1)
    outputs.fit = numpy.array([slope, intercept], dtype=numpy.float32).reshape(2, 1, 1)
    (x, y) = info.getBlockCoordArrays()
    outputs.place = numpy.array([x, y])


infiles = applier.FilenameAssociations()
outfiles = applier.FilenameAssociations()
infiles.series, outfiles.fit, outfiles.place = sys.argv[1:4]
controls = applier.ApplierControls()
controls.setWindowXsize(1)
controls.setWindowYsize(1)
controls.setStatsIgnore(None)
applier.apply(fitOne, infiles, outfiles, controls=controls)
