"""One small job over and over, each time with other calls of the system that fail.

Run as ``python -m tests.support.faulty FOLDER NAME DRIVER EXTRAS SAMPLES SEED`` with ``faults.c``
preloaded. It prints how many calls there are of each kind, and each time that something was wrong.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import write_raster

#: What fails, and with which error; in the order of the library.
KINDS = {
    "open": errno.EMFILE,
    "write": errno.ENOSPC,
    "fsync": errno.EIO,
    "rename": errno.EIO,
    "close": errno.EIO,
}

FOREVER = 1 << 30

#: More than the 64 KiB that libtiff keeps back.
PIXELS = np.random.default_rng(0).random((2, 100, 150), dtype="float32")


class Case(NamedTuple):
    """A job."""

    folder: Path
    name: str
    driver: str
    extras: bool

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    @property
    def old(self) -> Path:
        return self.folder / "old"

    @property
    def path(self) -> Path:
        return self.outputs / self.name

    def run(self, scale: float) -> None:
        infiles, outfiles = FilenameAssociations(), FilenameAssociations()
        infiles.image, outfiles.result = self.folder / "in.tif", self.path

        def function(info: Any, inputs: Any, outputs: Any) -> None:
            outputs.result = inputs.image * np.float32(scale)
            if not scale:
                raise ValueError("no result")

        controls = ApplierControls()
        # two blocks each way: Zarr makes two files of each block
        controls.setWindowSize(80, 80)
        controls.setOutputDriverName(self.driver)
        controls.setOverviewMinDim(20)
        if self.extras:
            controls.setDefaultHistogram(True)
            controls.setExactHistogram(True)
            controls.setOverviewAggregationType("GAUSS")
        engine.apply(function, infiles, outfiles, controls=controls)

    def restore(self) -> None:
        shutil.rmtree(self.outputs, ignore_errors=True)
        shutil.copytree(self.old, self.outputs)

    def seen(self) -> list[Any]:
        """Return all that can be read from the output."""
        found: list[Any] = [sorted(path.name for path in self.outputs.glob("[!.]*"))]
        with rasterio.open(self.path) as dataset:
            levels = dataset.overviews(1)
            found += [dataset.read().tobytes(), levels, dataset.crs, dataset.transform]
            found += [dataset.tags(band) for band in dataset.indexes]
        for index in range(len(levels)):
            with rasterio.open(self.path, OVERVIEW_LEVEL=index) as dataset:
                found.append(dataset.read().tobytes())
        beside = self.path.with_name(f"{self.name}.aux.xml")
        return [*found, beside.exists() and beside.read_bytes()]

    def files(self) -> dict[str, bytes]:
        """Return all files, but for what a run that could not clean up has left to the next one."""
        return {
            str(path.relative_to(self.outputs)): path.read_bytes() if path.is_file() else b""
            for name in self.outputs.glob("[!.]*")
            for path in (name, *name.rglob("*"))
        }


class Faults:
    """The library that has calls fail."""

    def __init__(self, case: Case, kind: str) -> None:
        self._library = ctypes.CDLL(None)
        self._folder = f"{case.outputs}/".encode()
        self._kind, self._error = list(KINDS).index(kind), KINDS[kind]

    def begin(self, first: int, last: int) -> None:
        self._library.faults_begin(self._folder, self._kind, first, last, self._error)

    def end(self) -> int:
        return int(self._library.faults_end(self._kind))


def in_fork(action: Callable[[], object]) -> str:
    """Do something in a fork, and return how that ended; GDAL has no threads that do not follow."""
    child = os.fork()
    if not child:
        code = 1
        try:
            action()
            code = 0
        except rioserrors.RiosError:
            code = 2
        except BaseException:
            traceback.print_exc(file=sys.stdout)
        finally:
            sys.stdout.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {0: "done", 2: "refused"}.get(code, f"ended with {code}")


def trouble(case: Case, faults: Faults, calls: tuple[int, int], whole: list[Any]) -> str:
    """Run the job with failing calls, and return what is wrong after that; nothing if all is well.

    Where all calls fail from one on, there may be no way back: the next run finds it.
    """
    case.restore()
    old = case.files()

    def failing() -> None:
        faults.begin(*calls)
        try:
            case.run(2)
        finally:
            faults.end()

    ended = in_fork(failing)
    if ended == "done":
        return whole_or_not(case, whole)
    # libtiff may crash where it cannot write a directory, and GDAL goes on
    crashed = ended == f"ended with -{signal.SIGSEGV:d}"
    if (ended == "refused" and calls[1] == FOREVER) or crashed:
        # what could not be put back is put back by the next run
        in_fork(lambda: case.run(0))
    if ended != "refused" and not crashed:
        return ended
    names = sorted(case.files())
    return "" if case.files() == old else f"{ended}, and there is {names} in place of {sorted(old)}"


def whole_or_not(case: Case, whole: list[Any]) -> str:
    try:
        return "" if case.seen() == whole else "done, and not whole"
    except rasterio.errors.RasterioError as error:
        return f"done, and not to be read: {error.__cause__}"


def ranges(count: int, samples: int, random: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Yield single calls, the first and the last among them, and from every third on all calls."""
    between = random.permutation(np.arange(2, count))[: max(samples - 2, 0)]
    for index, first in enumerate(sorted({1, count, *between.tolist()})):
        yield first, first
        if index % 3 == 0:
            yield first, FOREVER


def main() -> None:
    folder, name, driver, extras, samples, seed = sys.argv[1:]
    case = Case(Path(folder), name, driver, extras == "extras")
    case.outputs.mkdir()
    write_raster(case.folder / "in.tif", PIXELS)
    in_fork(lambda: case.run(1))
    shutil.copytree(case.outputs, case.old)
    for kind in KINDS:
        try_kind(case, kind, int(samples), np.random.default_rng(int(seed)))


def try_kind(case: Case, kind: str, samples: int, random: np.random.Generator) -> None:
    """Have calls of one kind fail."""
    faults, counted = Faults(case, kind), case.folder / "count"

    def count() -> None:
        faults.begin(0, 0)
        case.run(2)
        counted.write_text(str(faults.end()))

    case.restore()
    in_fork(count)
    number, whole = int(counted.read_text()), case.seen()
    sys.stdout.write(f"{kind}: {number} calls\n")
    for calls in ranges(number, samples, random):
        wrong = trouble(case, faults, calls, whole)
        if wrong:
            sys.stdout.write(f"WRONG: {kind} {calls[0]}-{calls[1]}: {wrong}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
