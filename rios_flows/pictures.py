"""Pictures of a run and of its output, by matplotlib's object interface: works in any thread."""

from rios_flows.reports.pictures import (
    heatmap_png,
    save_pictures,
    save_quicklook,
    timeline_png,
)

__all__ = [
    "heatmap_png",
    "save_pictures",
    "save_quicklook",
    "timeline_png",
]
