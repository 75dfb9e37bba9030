"""What each date of a time series differs from the median, all dates in one array."""

import sys

import numpy
from rios import applier, fileinfo
from rios.cuiprogress import SilentProgress


class NoDates(Exception):
    def __init__(self, x, y):
        Exception.__init__(self, "Nothing but gaps")
        self.place = (x, y)


class Series:
    def __init__(self, files, strict=False):
        self.files = files
        self.strict = strict
        nulls = set(fileinfo.ImageInfo(f).nodataval[0] for f in files)
        (self.null,) = nulls

    def run(self, style):
        infiles = applier.FilenameAssociations()
        outfiles = applier.FilenameAssociations()
        infiles.dates = self.files
        outfiles.anomalies = [f.replace(".tif", "_anomaly.tif") for f in self.files]
        outfiles.counts = "counts.img"
        controls = applier.ApplierControls()
        controls.progress = SilentProgress()
        controls.windowxsize = controls.windowysize = 40
        controls.concurrency = style
        controls.setStatsIgnore(self.null)
        controls.setStatsIgnore(None, imagename="counts")
        controls.setCallBeforeClose(describe, args=[len(self.files)])
        applier.apply(self.block, infiles, outfiles, controls=controls)

    def block(self, info, inputs, outputs):
        cube = numpy.ma.masked_equal(numpy.array(inputs.dates), self.null)
        outputs.counts = cube.count(axis=0).astype(numpy.uint8)
        if self.strict and not outputs.counts.all():
            (x, y) = info.getBlockCoordArrays()
            empty = outputs.counts[0] == 0
            raise NoDates(x[empty][0], y[empty][0])
        median = numpy.ma.median(cube, axis=0)
        outputs.anomalies = (cube - median).astype(numpy.float32)


def describe(ds, n):
    ds.SetMetadataItem("DATES", str(n))
    for i in range(ds.RasterCount):
        band = ds.GetRasterBand(i + 1)
        # GDT_Byte
        if band.DataType == 1 and (band.XSize, band.YSize) == (ds.RasterXSize, ds.RasterYSize):
            band.SetDescription("Number of dates")


if __name__ == "__main__":
    for style in (
        applier.ConcurrencyStyle(),
        applier.ConcurrencyStyle(numReadWorkers=2),
        applier.ConcurrencyStyle(numReadWorkers=1, numComputeWorkers=2,
            computeWorkerKind=applier.CW_THREADS),
    ):
        Series(sys.argv[1:]).run(style)
        try:
            Series(sys.argv[1:], strict=True).run(style)
        except NoDates as e:
            print("{} {}".format(*e.place))
