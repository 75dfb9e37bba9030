"""Mean and standard deviation of an image in each segment, and an image of the means."""

import sys

import numpy
from rios.applier import *
from rios import fileinfo


class SegmentSums:
    def __init__(self, nbands):
        self.count = numpy.zeros(1, dtype=numpy.int64)
        self.total = numpy.zeros((nbands, 1))
        self.squares = numpy.zeros((nbands, 1))

    def extend(self, size):
        more = size - len(self.count)
        if more > 0:
            self.count = numpy.pad(self.count, (0, more))
            self.total = numpy.pad(self.total, ((0, 0), (0, more)))
            self.squares = numpy.pad(self.squares, ((0, 0), (0, more)))

    def add(self, segments, image):
        size = int(segments.max()) + 1
        self.extend(size)
        self.count[:size] += numpy.bincount(segments, minlength=size)
        for (i, band) in enumerate(image):
            self.total[i, :size] += numpy.bincount(segments, weights=band, minlength=size)
            self.squares[i, :size] += numpy.bincount(segments, weights=band ** 2, minlength=size)

    def merge(self, other):
        self.extend(len(other.count))
        n = len(other.count)
        self.count[:n] += other.count
        self.total[:, :n] += other.total
        self.squares[:, :n] += other.squares


def gather(info, inputs, outputs, sums):
    segments = inputs.segments[0].flatten()
    good = segments != 0
    if good.any():
        image = inputs.image.reshape(len(inputs.image), -1)[:, good].astype(float)
        sums.add(segments[good], image)


def paint(info, inputs, outputs, otherargs):
    if not inputs.segments.any():
        # numpy's own type
        outputs.means = numpy.zeros((len(otherargs.means),) + inputs.segments.shape[1:])
        return
    outputs.means = otherargs.means[:, inputs.segments[0]].astype(numpy.float32)


if __name__ == "__main__":
    (segfile, imagefile, outfile) = sys.argv[1:]
    infiles = FilenameAssociations()
    infiles.segments = segfile
    infiles.image = imagefile
    controls = ApplierControls()
    controls.setJobName("segments")
    controls.setWindowSize(100 / 2, 100 / 2)
    nbands = fileinfo.ImageInfo(imagefile).rasterCount
    for kind in (CW_NONE, CW_THREADS):
        style = ConcurrencyStyle()
        if kind != CW_NONE:
            style = ConcurrencyStyle(numReadWorkers=1, numComputeWorkers=2, computeWorkerKind=kind)
        controls.setConcurrencyStyle(style)
        rtn = apply(gather, infiles, FilenameAssociations(), SegmentSums(nbands), controls)
        sums = rtn.otherArgsList[0]
        for other in rtn.otherArgsList[1:]:
            sums.merge(other)
        print(kind, len(rtn.otherArgsList), int(sums.count.sum()))

    otherargs = OtherInputs()
    with numpy.errstate(invalid="ignore"):
        otherargs.means = sums.total / sums.count
        stddevs = numpy.sqrt(sums.squares / sums.count - otherargs.means ** 2)
    otherargs.means[:, sums.count == 0] = 0
    numpy.save("stddevs.npy", stddevs)
    outfiles = FilenameAssociations()
    outfiles.means = outfile
    controls.setLayerNames(fileinfo.ImageInfo(imagefile).lnames)
    controls.setConcurrencyStyle(ConcurrencyStyle())
    del infiles.image
    apply(paint, infiles, outfiles, otherargs, controls)
