"""The records of a run in a JSON file, to look at later."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rios_flows.basics.errortext import summary_of
from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.reports.cost import WorkerCost, no_workers
from rios_flows.reports.records import BlockRecord, RunInfo
from rios_flows.rioserrors import FileOpenError, ParameterError
from rios_flows.version import __version__


class KeptRun(NamedTuple):
    """What a file keeps of a run."""

    info: RunInfo
    seconds: float  # from start to end
    error: str = ""  # what ended it early, in one line

    @property
    def records(self) -> Sequence[BlockRecord]:
        """All attempts."""
        return self.info.records


def write_records(
    path: str | os.PathLike[str],
    info: RunInfo,
    seconds: float,
    error: BaseException | None = None,
) -> None:
    """Write the records of a run that has ended, or what there was until an error ended it."""
    cost = info.cost()
    kept = {
        "rios_flows": __version__,
        "name": info.name,
        "seconds": seconds,
        "error": "" if error is None else summary_of(error),
        "workers": None if cost is None else cost.words(),
        "blocks": asdict(info.blocks),
        "lanes": list(info.lanes),
        "columns": list(BlockRecord._fields),
        "records": [list(record) for record in info.records],
    }
    Path(path).write_text(json.dumps(kept), encoding="utf-8")


def read_records(path: str | os.PathLike[str]) -> KeptRun:
    """Read such a file.

    Raises
    ------
    FileOpenError
        If it cannot be read.
    ParameterError
        If it holds no records.
    """
    where = os.fspath(path)
    try:
        kept = json.loads(Path(path).read_text(encoding="utf-8"))
        blocks = BlockGrid(**{**kept["blocks"], "window": tuple(kept["blocks"]["window"])})
        records = [_record(dict(zip(kept["columns"], row, strict=True))) for row in kept["records"]]
        workers = kept.get("workers")
        cost = no_workers if workers is None else partial(WorkerCost.of_words, workers)
        info = RunInfo(str(kept["name"]), blocks, tuple(kept["lanes"]), records, cost=cost)
        return KeptRun(info, float(kept["seconds"]), str(kept.get("error", "")))
    except OSError as error:
        raise FileOpenError(f"Unable to read the records '{where}': {error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ParameterError(
            f"'{where}' holds no records of a run ({type(error).__name__}: {error}); "
            "`rios-flows run --records` and setRecordsFile write them"
        ) from error


def _record(row: dict[str, Any]) -> BlockRecord:
    return BlockRecord(**{**row, "block": ApplierBlockDefn(*row["block"])})
