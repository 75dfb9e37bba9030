"""Put tiles together, first come first served, and tell of it in the file."""

import glob
import sys

import numpy
from rios import applier, imageio, imagereader

NULL = 0


def mosaic(info, inputs, outputs):
    result = numpy.full_like(inputs.tiles[0], NULL)
    source = numpy.zeros((1,) + result.shape[1:], dtype=numpy.uint8)
    for (i, tile) in enumerate(inputs.tiles):
        use = (result == NULL).all(axis=0) & (tile != NULL).any(axis=0)
        result[:, use] = tile[:, use]
        source[0][use] = i + 1
    outputs.mosaic = result
    outputs.source = source


def describe(ds, text):
    ds.SetMetadataItem("HISTORY", text)
    for i in range(ds.RasterCount):
        band = ds.GetRasterBand(i + 1)
        band.SetDescription("%s %d" % (text, i + 1))


def main(pattern, outfile, sourcefile):
    infiles = applier.FilenameAssociations()
    infiles.tiles = sorted(glob.glob(pattern))
    outfiles = applier.FilenameAssociations()
    outfiles.mosaic = outfile
    outfiles.source = sourcefile
    controls = applier.ApplierControls()
    controls.setFootprintType(applier.UNION)
    controls.setReferenceImage(infiles.tiles[0])
    controls.setCallBeforeClose(describe, args=("mosaic",), imagename="mosaic")
    controls.setOverviewLevels([2, 4])
    controls.setOverviewMinDim(8)
    controls.setWindowSize(imagereader.DEFAULTWINDOWXSIZE // 8, 32)
    result = applier.apply(mosaic, infiles, outfiles, controls=controls)
    grid = result.workinggrid
    (x, y) = (grid.xMin + 1.5 * grid.xRes, grid.yMax - 2.5 * grid.yRes)
    corner = imageio.wld2pix(grid.makeGeoTransform(), x, y)
    print("Corner at %d, %d" % (int(corner.x), int(corner.y)))


if __name__ == "__main__":
    main(*sys.argv[1:])
