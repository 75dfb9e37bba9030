"""Pictures of a run and of its output; any thread may draw them."""

from rios_flows.reports.pictures import (
    canvas,
    heatmap,
    heatmap_png,
    quicklook,
    save_pictures,
    save_quicklook,
    timeline,
    timeline_png,
)

__all__ = [
    "canvas",
    "heatmap",
    "heatmap_png",
    "quicklook",
    "save_pictures",
    "save_quicklook",
    "timeline",
    "timeline_png",
]
