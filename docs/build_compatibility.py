"""Render ``tests/data/rios_surface.json`` into ``docs/compatibility.md``; run after a change."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.options import CONTROLS

ROOT = Path(__file__).parents[1]
SURFACE = ROOT / "tests" / "data" / "rios_surface.json"
PAGE = ROOT / "docs" / "compatibility.md"

HEAD = """# Compatibility with RIOS

<!-- made from tests/data/rios_surface.json by docs/build_compatibility.py: change that file -->

Names and meaning are those of RIOS 2.0.9. A test compares every signature here with the code.

* **same**: works as in RIOS
* **new**: RIOS has nothing like it
* **differs**: works, but not in all points as in RIOS; the note says how
* **refused**: will not be built; the note says why
"""


def render(surface: dict[str, Any]) -> str:
    """Write the whole page."""
    parts = [HEAD, _summary(surface), _differences(surface["differences"])]
    parts += [_group(group) for group in surface["groups"]]
    parts.append(_environment(surface["environment"]))
    return "\n".join(parts)


def _summary(surface: dict[str, Any]) -> str:
    found = [row["status"] for group in surface["groups"] for row in group["names"]]
    counts = ", ".join(f"{found.count(status)} {status}" for status in sorted(set(found)))
    return f"Of {len(found)} names: {counts}.\n"


def _differences(differences: list[dict[str, str]]) -> str:
    rows = [f"| {row['rios']} | {row['here']} |" for row in differences]
    head = "## Faults of RIOS that are not repeated\n\n| RIOS | rios_flows |\n|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _group(group: dict[str, Any]) -> str:
    rows = [_row(row) for row in group["names"]]
    if group["title"] == "ApplierControls":
        rows += _new_controls({row["name"].rpartition(".")[2] for row in group["names"]})
    note = f"{group['note']}\n\n" if "note" in group else ""
    head = f"## {group['title']}\n\n{note}| name | status | note |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _row(row: dict[str, str]) -> str:
    signature = row["signature"] or ""
    if signature.startswith("= "):
        signature = f" {signature}"
    elif not signature.startswith("("):
        signature = ""
    return f"| `{row['name']}{signature}` | {row['status']} | {row.get('reason', '')} |"


def _new_controls(named: set[str]) -> list[str]:
    """Write rows of those controls that the data file does not name, which RIOS does not have."""
    rows = []
    for each in CONTROLS.values():
        if each.setter not in named:
            parameters = [
                *inspect.signature(getattr(ApplierControls, each.setter)).parameters.values()
            ]
            bare = [one.replace(annotation=inspect.Parameter.empty) for one in parameters[1:]]
            name = f"applier.ApplierControls.{each.setter}{inspect.Signature(bare)}"
            rows.append(f"| `{name}` | new | {each.about} |")
    return rows


def _environment(rows: list[dict[str, Any]]) -> str:
    lines = [f"| `{row['name']}={row['example']}` | `{row['attribute']}` |" for row in rows]
    lines.append(
        "| `RIOS_DFLT_CREOPT_GTiff=COMPRESS=LZW TILED=YES` | creation options of a driver |"
    )
    head = (
        "## Environment variables\n\nRead when an `ApplierControls` is made; RIOS reads them "
        "when it is imported.\n\n| variable, for example | sets |\n|---|---|\n"
    )
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(json.loads(SURFACE.read_text())))
