"""What came of a run, small and in words that JSON holds: for people, flows and other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rios_flows.geometry.crs import crs_code, crs_name
from rios_flows.reducers.statistics import BandStatistics
from rios_flows.reports.amounts import scaled
from rios_flows.reports.markdown import cell, table
from rios_flows.reports.rasters import PublishedOutput
from rios_flows.reports.results import ApplierReturn

#: Bands of an output whose statistics are told: an image may have many thousands.
MOST_BANDS = 16
#: Longest otherArgs that is told (characters of JSON).
MOST_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run that has succeeded.

    Attributes
    ----------
    name : str
        The job's name.
    outputs : tuple of dict
        For each output: name, absolute path or URL, driver, bands, dtype, bytes of all its files,
        checksum ("sha256:...") or None, statistics of its first bands.
    grid : dict
        CRS (as "EPSG:32622" where it has such a name, else WKT), transform (GDAL's six numbers),
        width and height (pixels).
    blocks, resumed : int
        All blocks, and how many of them an earlier run had left.
    seconds : float
        From start to end.
    attempts, retries : int
        Attempts at a stage of a block, and how many of them came after a failure.
    lanes : int
        How many worked at the same time.
    worker_hours : float
        How long they were at work, all together (h).
    workers : dict or None
        What compute workers outside the process have cost; see ``reports.cost.WorkerCost``.
    other_args : tuple or None
        Each worker's copy, None for one that JSON cannot hold; only if the run was told to
        (``setShowOtherArgs``).
    """

    name: str
    outputs: tuple[dict[str, Any], ...]
    grid: dict[str, Any]
    blocks: int
    resumed: int
    seconds: float
    attempts: int
    retries: int
    lanes: int
    worker_hours: float
    workers: dict[str, Any] | None = None
    other_args: tuple[Any, ...] | None = None

    @classmethod
    def of(cls, result: ApplierReturn) -> Outcome:
        """Sum up what ``apply()`` has returned."""
        assert result.info is not None
        records = result.records
        written = {record.block for record in records if record.stage == "write"}
        cost = result.info.cost()
        busy = sum(record.end - record.start for record in records)
        return cls(
            name=result.info.name,
            outputs=tuple(_output(each.facts) for each in result.outputs.values()),
            grid=_grid(result),
            blocks=len(result.info.blocks),
            resumed=len(result.info.blocks) - len(written),
            seconds=round(result.seconds, 3),
            attempts=len(records),
            retries=sum(record.attempt > 1 for record in records),
            lanes=len(result.info.lanes),
            worker_hours=float(f"{busy / 3600:.6g}"),
            workers=None if cost is None else cost.words(),
            other_args=_other_args(result),
        )

    def words(self) -> dict[str, Any]:
        """Return all of it as a dict that JSON holds."""
        words = asdict(self)
        words["outputs"] = list(self.outputs)
        words["workerHours"] = words.pop("worker_hours")
        other_args = words.pop("other_args")
        return words if other_args is None else {**words, "otherArgs": list(other_args)}

    def markdown(self) -> str:
        """Write the outputs as a table."""
        rows = [
            (
                each["name"],
                each["path"],
                scaled(each["bytes"], "B"),
                each["driver"],
                f"{each['bands']} x {each['dtype']}",
                _told(each["statistics"]),
                each["checksum"] or "",
            )
            for each in self.outputs
        ]
        if not rows:
            return ""
        head = ("Output", "File", "Size", "Driver", "Bands", "Band 1", "Checksum")
        grid = self.grid
        size = f"{grid['width']:,} x {grid['height']:,} pixels"
        return "\n\n".join(
            ("### Outputs", table(head, rows, "llrllll"), f"{size}; {_name_of(grid['crs'])}")
        )


def _name_of(crs: str) -> str:
    return cell(crs_name(crs)) if "[" in crs or not crs else crs


def _told(statistics: Sequence[dict[str, Any] | None]) -> str:
    if not statistics or statistics[0] is None:
        return ""
    first = statistics[0]
    return f"{first['minimum']:g} to {first['maximum']:g}, mean {first['mean']:g}"


def _output(output: PublishedOutput) -> dict[str, Any]:
    return {
        "name": output.name,
        "path": output.path,
        "driver": output.driver,
        "bands": output.bands,
        "dtype": output.dtype,
        "bytes": output.nbytes,
        "checksum": output.checksum,
        "statistics": [_statistics(band) for band in output.statistics[:MOST_BANDS]],
    }


def _statistics(band: BandStatistics | None) -> dict[str, Any] | None:
    if band is None:
        return None
    names = ("count", "minimum", "maximum", "mean", "stddev")
    return {name: _number(getattr(band, name)) for name in names}


def _number(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, int | float):
        return value
    raise TypeError(f"no number: {value!r}")


def _grid(result: ApplierReturn) -> dict[str, Any]:
    grid = result.workinggrid
    rows, cols = grid.getDimensions()
    return {
        "crs": crs_code(grid.projection) or grid.projection,
        "transform": list(grid.makeGeoTransform()),
        "width": cols,
        "height": rows,
    }


def _other_args(result: ApplierReturn) -> tuple[Any, ...] | None:
    if not result.showsOtherArgs:
        return None
    return tuple(plain(each) for each in result.otherArgsList if each is not None)


def plain(other: Any) -> Any:
    """Return what JSON holds of one ``otherArgs``: numbers of numpy, too; None for all else."""
    # an OtherInputs, or an object like it
    words = vars(other) if hasattr(other, "__dict__") else other
    try:
        text = json.dumps(words, allow_nan=False, default=_number)
    except (TypeError, ValueError):
        return None
    return json.loads(text) if len(text) <= MOST_CHARACTERS else None
