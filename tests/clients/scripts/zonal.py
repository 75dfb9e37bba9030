"""Count the classes of an image, and sum a second one, in each zone of a third; writes a CSV."""

import csv
import sys

import numpy
from rios import applier


def main(zones, classes, values, csvfile, numWorkers):
    infiles = applier.FilenameAssociations()
    infiles.zones = zones
    infiles.classes = classes
    infiles.values = values
    outfiles = applier.FilenameAssociations()
    otherargs = applier.OtherInputs()
    otherargs.counts = {}
    otherargs.sums = {}
    controls = applier.ApplierControls()
    controls.setFootprintType(applier.INTERSECTION)
    controls.setReferenceImage("zones")
    controls.setResampleMethod("average", imagename="values")
    if numWorkers:
        style = applier.ConcurrencyStyle(
            numReadWorkers=2, numComputeWorkers=numWorkers, computeWorkerKind=applier.CW_THREADS
        )
        controls.setConcurrencyStyle(style)
    controls.setWindowSize(50, 50)
    rtn = applier.apply(countZones, infiles, outfiles, otherargs, controls=controls)

    counts, sums = {}, {}
    for other in rtn.otherArgsList:
        for key in other.counts:
            counts[key] = counts.get(key, 0) + other.counts[key]
        for zone in other.sums:
            sums[zone] = sums.get(zone, 0) + other.sums[zone]

    with open(csvfile, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["zone", "class", "count", "sum"])
        for (zone, cls) in sorted(counts):
            writer.writerow([zone, cls, counts[zone, cls], sums[zone]])


def countZones(info, inputs, outputs, otherargs):
    zoneNull = info.getNoDataValueFor(inputs.zones)
    for zone in numpy.unique(inputs.zones[0]):
        if zone == zoneNull:
            continue
        inZone = inputs.zones[0] == zone
        values = inputs.values[0][inZone]
        good = values != info.getNoDataValueFor(inputs.values)
        otherargs.sums[zone] = otherargs.sums.get(zone, 0) + values[good].sum(dtype=float)
        counts = numpy.bincount(inputs.classes[0][inZone])
        for cls in numpy.nonzero(counts)[0]:
            otherargs.counts[zone, cls] = otherargs.counts.get((zone, cls), 0) + counts[cls]


if __name__ == "__main__":
    main(*sys.argv[1:5], numWorkers=int(sys.argv[5]))
