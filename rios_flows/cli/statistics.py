"""The console commands rioscalcstats and riosprintstats."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from rios_flows import rioserrors
from rios_flows.basics.bars import GDALProgressBar
from rios_flows.basics.streams import Careful
from rios_flows.files import statistics as calcstats
from rios_flows.files.opening import open_raster
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.reducers.nodata import Number

#: What riosprintstats prints, and the tag of each.
PRINTED = {
    "Mean": "STATISTICS_MEAN",
    "Stddev": "STATISTICS_STDDEV",
    "Min": "STATISTICS_MINIMUM",
    "Max": "STATISTICS_MAXIMUM",
    "Median": "STATISTICS_MEDIAN",
    "Mode": "STATISTICS_MODE",
}


def rioscalcstats_main(arguments: Sequence[str] | None = None) -> int:
    """Give files overviews and statistics; return 1 if a file has failed."""
    parser = _parser("rioscalcstats", "Add pyramids, statistics and a histogram to raster files.")
    parser.add_argument(
        "-i", "--ignore", type=_number, metavar="V", help="set this nodata value first"
    )
    parser.add_argument("--approx", action="store_true", help="use a sample of the pixels")
    chosen = parser.parse_args(arguments)

    def work(file: str) -> None:
        calcstats.calcStats(
            file, progress=GDALProgressBar(), ignore=chosen.ignore, approx_ok=chosen.approx
        )

    return _with_each(chosen.files, work)


def riosprintstats_main(arguments: Sequence[str] | None = None) -> int:
    """Print a line of statistics for each band; return 1 if a file could not be read."""
    parser = _parser("riosprintstats", "Print the statistics stored in raster files.")
    parser.add_argument(
        "--printfilename", action="store_true", help="start each line with the file name"
    )
    chosen = parser.parse_args(arguments)

    def work(file: str) -> None:
        begin = f"{file} " if chosen.printfilename else ""
        with open_raster(file, "r") as dataset:
            for band in dataset.indexes:
                tags = dataset.tags(band)
                parts = [f"{name}: {tags.get(tag)}" for name, tag in PRINTED.items()]
                sys.stdout.write(f"{begin}{', '.join(parts)}\n")

    return _with_each(chosen.files, work)


def _parser(program: str, description: str) -> argparse.ArgumentParser:
    """Make a parser of a command line with files."""
    parser = argparse.ArgumentParser(program, description=description)
    parser.add_argument("files", nargs="+", help="raster files")
    return parser


def _with_each(files: Sequence[str], work: Callable[[str], None]) -> int:
    """Work on each file; report one that fails, and go on with the others."""
    status = 0
    for file in files:
        try:
            work(file)
        except (rioserrors.RiosError, *IO_ERRORS) as error:
            told = str(error)
            Careful(sys.stderr).write(f"{told}\n" if file in told else f"{file}: {told}\n")
            status = 1
    return status


def _number(text: str) -> Number:
    """Read an integer, or else a float."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number")
