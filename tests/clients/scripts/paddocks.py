"""How much of each paddock is covered by each class; paddocks are polygons with a number."""

from __future__ import print_function

import sys
from collections import defaultdict

import numpy
from rios import applier, rioserrors
from rios.fileinfo import VectorFileInfo


def main(classfile, vectorfile, where, attribute):
    layer = VectorFileInfo(vectorfile)[0]
    if attribute not in layer.fieldNames:
        raise SystemExit("No such field; there are %s" % layer.fieldNames)
    infiles = applier.FilenameAssociations()
    infiles.classes = classfile
    infiles.paddocks = vectorfile
    controls = applier.ApplierControls()
    controls.setBurnAttribute(attribute, vectorname="paddocks")
    controls.setVectorDatatype(numpy.int32, vectorname="paddocks")
    controls.setVectorNull(-1, vectorname="paddocks")
    controls.setFilterSQL(where, vectorname="paddocks")
    controls.setWindowXsize(30)
    controls.setWindowYsize(30)
    counts = defaultdict(int)
    applier.apply(count, infiles, applier.FilenameAssociations(), counts, controls=controls)
    for (paddock, cls) in sorted(counts):
        print(paddock, cls, counts[paddock, cls])

    # One that raises, as nobody has a paddock -1
    try:
        applier.apply(strict, infiles, applier.FilenameAssociations(), counts, controls=controls)
    except KeyError as e:
        print("No paddock:", isinstance(e, rioserrors.RiosError))


def count(info, inputs, outputs, counts):
    null = info.getNoDataValueFor(inputs.paddocks)
    pairs = numpy.array([inputs.paddocks[0].ravel(), inputs.classes[0].ravel()])
    pairs = pairs[:, pairs[0] != null]
    (unique, number) = numpy.unique(pairs, axis=1, return_counts=True)
    for (paddock, cls, n) in zip(unique[0], unique[1], number):
        counts[int(paddock), int(cls)] += int(n)


def strict(info, inputs, outputs, counts):
    dict(counts)[-1, 0]


if __name__ == "__main__":
    main(*sys.argv[1:])
