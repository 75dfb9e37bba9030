"""Excess green of a drone's orthophoto of red, green, blue and alpha."""

import optparse
import os

import numpy
import rios.applier
import rios.cuiprogress as progress


def excess_green(info, inputs, outputs, otherargs):
    (red, green, blue, alpha) = inputs.ortho.astype(numpy.float32)
    total = red + green + blue
    total[total == 0] = 1
    exg = (2 * green - red - blue) / total
    exg[alpha == 0] = otherargs.nodata
    outputs.exg = exg.reshape((1,) + exg.shape)
    plants = (exg > otherargs.threshold) & (alpha > 0)
    otherargs.plants += int(plants.sum())
    otherargs.total += int((alpha > 0).sum())
    outputs.plants = plants[None, ...].astype("uint8")


def run():
    parser = optparse.OptionParser()
    parser.add_option("--threshold", type="float", default=0.1)
    (options, args) = parser.parse_args()
    base = os.path.splitext(args[0])[0]

    infiles = rios.applier.FilenameAssociations()
    infiles.ortho = args[0]
    outfiles = rios.applier.FilenameAssociations()
    outfiles.exg = base + "_exg.tif"
    outfiles.plants = base + "_plants.tif"

    other = rios.applier.OtherInputs()
    other.nodata = -9999.0
    other.threshold = options.threshold
    other.plants = other.total = 0

    controls = rios.applier.ApplierControls()
    controls.setWindowXsize(512)
    controls.setWindowYsize(512)
    controls.setProgress(progress.LogProgressBar())
    # One value for both, and the options of another format
    controls.setStatsIgnore(-9999)
    controls.setOutputDriverName("GTiff")
    controls.setCreationOptions(["COMPRESSED=YES", "COMPRESS=LZW TILED=YES BIGTIFF=IF_SAFER"])
    rios.applier.apply(excess_green, infiles, outfiles, other, controls=controls)
    print("Plants cover %.2f %%" % (100.0 * other.plants / other.total))


if __name__ == "__main__":
    run()
