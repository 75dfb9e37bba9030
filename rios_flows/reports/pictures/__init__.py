"""Pictures of a run and of its output; any thread may draw them.

Only functions that draw import matplotlib, so importing this package is fast.
"""

from __future__ import annotations

from pathlib import Path

from rios_flows.reports.pictures.heatmap import heatmap_png
from rios_flows.reports.pictures.quicklook import save_quicklook
from rios_flows.reports.pictures.timeline import timeline_png
from rios_flows.reports.results import ApplierReturn
from rios_flows.rioserrors import ParameterError

__all__ = [
    "heatmap_png",
    "save_pictures",
    "save_quicklook",
    "timeline_png",
]


def save_pictures(result: ApplierReturn, directory: str | Path) -> list[Path]:
    """Write ``timeline.png`` and ``heatmap.png`` of a run into a directory, made if missing.

    Returns
    -------
    The files written.

    Raises
    ------
    ParameterError
        If the result is an empty one, not that of a run.
    """
    if result.info is None:
        raise ParameterError("no pictures: the result is not that of a run, its info is None")
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    paths = [target / "timeline.png", target / "heatmap.png"]
    for path, draw in zip(paths, (timeline_png, heatmap_png), strict=True):
        path.write_bytes(draw(result.records, result.info))
    return paths
