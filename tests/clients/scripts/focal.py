"""Standard deviation in a moving window."""

import sys

import numpy
from rios import applier


def main():
    (infile, outfile, size) = sys.argv[1:]
    half = int(size) // 2
    infiles = applier.FilenameAssociations()
    outfiles = applier.FilenameAssociations()
    (infiles.image, outfiles.texture) = (infile, outfile)
    controls = applier.ApplierControls()
    controls.setOverlap(half)
    controls.setStatsIgnore(-1)
    controls.setApproxStats(True)

    def texture(info, inputs, outputs):
        # The margin is cut off by RIOS
        pixels = inputs.image[0].astype(numpy.float64)
        windows = numpy.lib.stride_tricks.sliding_window_view(pixels, (2 * half + 1,) * 2)
        out = numpy.zeros((1,) + pixels.shape, dtype=numpy.float32)
        out[0, half:-half, half:-half] = windows.std(axis=(2, 3))
        assert out.shape[1:] == tuple(n + 2 * half for n in info.getBlockSize())[::-1]
        outputs.texture = out

    applier.apply(texture, infiles, outfiles, controls=controls)


if __name__ == "__main__":
    main()
