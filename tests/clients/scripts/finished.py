"""Give finished files colours, statistics and pyramids, and print what they have."""

import sys

import numpy
from rios import calcstats, colortable, fileinfo, rat
from rios.cuiprogress import SilentProgress


def main(filenames):
    for filename in filenames:
        calcstats.calcStats(filename, progress=SilentProgress(), ignore=0)
        info = fileinfo.ImageInfo(filename)
        stats = fileinfo.ImageFileStats(filename)
        for i in range(info.rasterCount):
            s = stats[i]
            print(filename, i + 1, s.mean, s.stddev, s.min, s.max, s.median, s.mode)
        highest = int(max(stats[i].max for i in range(info.rasterCount)))

        colours = rat.genColorTable(highest + 1, "rainbow")
        values = numpy.arange(highest + 1)[:, numpy.newaxis]
        rat.setColorTable(filename, numpy.hstack([values, colours]))
        table = rat.getColorTable(filename)
        # A GeoTIFF keeps no alpha
        if not (table[: highest + 1, 1:4] == colours[:, :3]).all():
            raise SystemExit("Other colours")

        ramp = colortable.genTable(highest + 1, "viridis", ignoreVal=0)
        colortable.setTable(filename, ramp)
        found = colortable.getTable(filename)
        if not (found[:, : highest + 1] == ramp).all():
            raise SystemExit("Other ramp")


if __name__ == "__main__":
    main(sys.argv[1:])
