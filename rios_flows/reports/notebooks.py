"""The result of a run as a notebook shows it: outputs, statistics, times and lanes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from rios_flows.reports.page import data_url
from rios_flows.rioserrors import RiosError

if TYPE_CHECKING:
    from rios_flows.reports.rasters import OutputRaster
    from rios_flows.reports.results import ApplierReturn

#: Outputs that are shown with a picture.
MOST_PICTURES = 4


def html_of(result: ApplierReturn) -> str:
    """Write the result as HTML, with pictures inside."""
    parts = [f"<p><b>{escape(repr(result))}</b></p>"]
    outputs = list(result.outputs.values())
    parts += [_output(each) for each in outputs[:MOST_PICTURES]]
    if len(outputs) > MOST_PICTURES:
        rest = ", ".join(each.name for each in outputs[MOST_PICTURES:])
        parts.append(f"<p>further outputs: {escape(rest)}</p>")
    parts.append(f"<details><summary>times</summary><pre>{escape(str(result.timings))}</pre>")
    if result.info is not None and result.records:
        from rios_flows.reports.pictures.timeline import timeline_png

        parts.append(_image(timeline_png(result.records, result.info), "what each lane did"))
    return "\n".join([*parts, "</details>"])


def _output(output: OutputRaster) -> str:
    title = f"<p><b>{escape(output.name)}</b> <code>{escape(output.path)}</code></p>"
    try:
        rows = "".join(
            f"<tr><td>{number}</td>"
            + "".join(f"<td>{'' if value is None else f'{value:.6g}'}</td>" for value in band[:4])
            + "</tr>"
            for number, band in enumerate(output.statistics, 1)
        )
        picture = _image(output.quicklook(size=400).png, output.name)
    except (RiosError, TypeError) as error:
        # the file may be gone by now, or have pixels without colours
        return f"{title}<p>{escape(str(error))}</p>"
    head = "".join(f"<th>{name}</th>" for name in ("band", "min", "max", "mean", "std"))
    return f"{title}{picture}<table><tr>{head}</tr>{rows}</table>"


def _image(png: bytes, about: str) -> str:
    return f'<img alt="{escape(about)}" src="{data_url(png)}" style="max-width:40em">'
