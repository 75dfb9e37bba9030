"""The console commands rioscalcstats and riosprintstats."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from rios_flows import calcstats, rioserrors
from rios_flows.colortable import opened
from rios_flows.cuiprogress import GDALProgressBar
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


def calculate(arguments: Sequence[str] | None = None) -> int:
    """Run rioscalcstats: give files overviews and statistics.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.

    Returns
    -------
    0, or 1 where a file could not be done.
    """
    parser = argparse.ArgumentParser(
        "rioscalcstats", description="Give raster files pyramids, statistics and a histogram."
    )
    parser.add_argument("files", nargs="+", help="raster files, which are changed")
    parser.add_argument("-i", "--ignore", type=_number, metavar="V", help="set this nodata value")
    parser.add_argument("--approx", action="store_true", help="part of the pixels will do")
    chosen = parser.parse_args(arguments)

    def work(file: str) -> None:
        calcstats.calcStats(
            file, progress=GDALProgressBar(), ignore=chosen.ignore, approx_ok=chosen.approx
        )

    return max([_attempt(work, file) for file in chosen.files])


def show(arguments: Sequence[str] | None = None) -> int:
    """Run riosprintstats: print a line of statistics for each band.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the command line.

    Returns
    -------
    0, or 1 where a file could not be read.
    """
    parser = argparse.ArgumentParser(
        "riosprintstats", description="Print the statistics that raster files have."
    )
    parser.add_argument("files", nargs="+", help="raster files")
    parser.add_argument("--printfilename", action="store_true", help="begin lines with the file")
    chosen = parser.parse_args(arguments)

    def work(file: str) -> None:
        begin = f"{file} " if chosen.printfilename else ""
        with opened(file, "r") as dataset:
            for band in dataset.indexes:
                tags = dataset.tags(band)
                parts = [f"{name}: {tags.get(tag)}" for name, tag in PRINTED.items()]
                sys.stdout.write(f"{begin}{', '.join(parts)}\n")

    return max([_attempt(work, file) for file in chosen.files])


def _attempt(work: Callable[[str], None], file: str) -> int:
    try:
        work(file)
    except (rioserrors.RiosError, OSError) as error:
        sys.stderr.write(f"{file}: {error}\n")
        return 1
    return 0


def _number(text: str) -> Number:
    """Read an integer, or else a float."""
    try:
        return int(text)
    except ValueError:
        return float(text)
