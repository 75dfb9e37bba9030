"""Cut images to the grid of a reference, and to a polygon if there is one."""

import argparse
import os

from rios import applier, pixelgrid
from rios.rioserrors import IntersectionError


def crop(info, inputs, outputs, otherargs):
    out = inputs.image.copy()
    if inputs.cutline is not None:
        out[:, inputs.cutline[0] == 0] = otherargs.nodata
    outputs.cropped = out


def cropOne(image, reference, outfile, cutline, nodata):
    infiles = applier.FilenameAssociations()
    infiles.image = image
    infiles.cutline = cutline
    outfiles = applier.FilenameAssociations()
    outfiles.cropped = outfile
    otherargs = applier.OtherInputs()
    otherargs.nodata = nodata
    controls = applier.ApplierControls()
    controls.setReferenceImage(reference)
    controls.setFootprintType(applier.BOUNDS_FROM_REFERENCE)
    controls.setInputNoDataValue(nodata, imagename="image")
    controls.setResampleMethod("near")
    controls.setStatsIgnore(nodata)
    controls.setOutputDriverName(applier.DEFAULTDRIVERNAME)
    controls.setCreationOptions(applier.DEFAULTCREATIONOPTIONS)
    controls.setBurnValue(1, vectorname="cutline")
    controls.setAlltouched(True, vectorname="cutline")
    rtn = applier.apply(crop, infiles, outfiles, otherargs, controls=controls)
    grid = pixelgrid.pixelGridFromFile(reference)
    assert rtn.workinggrid.alignedWith(grid)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("images", nargs="+")
    parser.add_argument("--reference")
    parser.add_argument("--cutline")
    parser.add_argument("--outdir")
    parser.add_argument("--nodata", type=float, default=0)
    args = parser.parse_args()
    for image in args.images:
        name = os.path.splitext(os.path.basename(image))[0] + "_crop.img"
        try:
            cropOne(image, args.reference, os.path.join(args.outdir, name), args.cutline, args.nodata)
        except IntersectionError:
            print("%s is elsewhere" % image)


if __name__ == "__main__":
    main()
