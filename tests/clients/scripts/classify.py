"""Train a classifier on points, and classify an image with it."""

import json
import sys

import numpy
from rios import applier, rat
from rios.fileinfo import ImageInfo


class NearestMean(object):
    def fit(self, samples, labels):
        self.classes = numpy.unique(labels)
        self.means = numpy.array([samples[labels == c].mean(axis=0) for c in self.classes])
        return self

    def predict(self, samples):
        distance = ((samples[:, None, :] - self.means[None, :, :]) ** 2).sum(axis=2)
        return self.classes[distance.argmin(axis=1)]


def train(image, pointfile):
    infiles = applier.FilenameAssociations()
    outfiles = applier.FilenameAssociations()
    infiles.image = image
    otherargs = applier.OtherInputs()
    with open(pointfile) as f:
        otherargs.points = json.load(f)
    otherargs.samples = []
    otherargs.labels = []
    applier.apply(collect, infiles, outfiles, otherargs)
    return NearestMean().fit(numpy.array(otherargs.samples), numpy.array(otherargs.labels))


def collect(info, inputs, outputs, otherargs):
    for (x, y, label) in otherargs.points:
        (row, col) = info.getPixRowColBlock(x, y)
        if row is not None:
            otherargs.samples.append(inputs.image[:, row, col].astype(float))
            otherargs.labels.append(label)


def classify(image, model, outfile):
    infiles = applier.FilenameAssociations()
    outfiles = applier.FilenameAssociations()
    infiles.image = image
    outfiles.classes = outfile
    otherargs = applier.OtherInputs()
    otherargs.model = model
    controls = applier.ApplierControls()
    controls.setThematic(True)
    controls.setStatsIgnore(0)
    controls.setAutoColorTableType("rainbow")
    controls.setOptionForImagename("layernames", "classes", ["class"])
    controls.setConcurrencyStyle(
        applier.ConcurrencyStyle(
            numReadWorkers=1, numComputeWorkers=2, computeWorkerKind=applier.CW_THREADS
        )
    )
    applier.apply(predict, infiles, outfiles, otherargs, controls)


def predict(info, inputs, outputs, otherargs):
    (nbands, nrows, ncols) = inputs.image.shape
    null = info.getNoDataValueFor(inputs.image)
    samples = inputs.image.reshape(nbands, nrows * ncols).T.astype(float)
    result = otherargs.model.predict(samples).reshape(1, nrows, ncols)
    result[:, (inputs.image == null).any(axis=0)] = 0
    outputs.classes = result.astype(numpy.uint8)


if __name__ == "__main__":
    (image, pointfile, outfile) = sys.argv[1:]
    classify(image, train(image, pointfile), outfile)
    table = rat.getColorTable(outfile)
    print("%d classes, %d colours" % (ImageInfo(outfile).rasterCount, len(table)))
