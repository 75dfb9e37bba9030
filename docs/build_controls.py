"""Write ``docs/controls.md``, the table of all controls, from their declarations."""

from __future__ import annotations

from pathlib import Path

from rios_flows.controls.declaring import Control
from rios_flows.controls.options import CONTROLS
from rios_flows.controls.words import readable

PAGE = Path(__file__).with_name("controls.md")

HEAD = """# All controls

<!-- made from the declarations of controls by docs/build_controls.py -->

Each setter is a method of `applier.ApplierControls`, and sets the attribute in its row. The option
is its name in [`rios_flows.apply`](getting-started.md). The [reference](reference.md) lists
parameters. Setters of inputs and outputs can set a value for
one image (`imagename=`, for vectors `vectorname=`); without a name the value is for all images. An
environment variable changes the default.
"""

SCOPES = {
    "run": "The whole run",
    "input": "An input",
    "vector": "An input that is a vector",
    "output": "An output",
}


def render() -> str:
    """Write the whole page."""
    return "\n".join([HEAD, *(_table(scope, title) for scope, title in SCOPES.items())])


def _table(scope: str, title: str) -> str:
    rows = [_row(each) for each in CONTROLS.values() if each.scope == scope]
    head = "| setter | attribute | option | default | what it is |\n|---|---|---|---|---|"
    return "\n".join([f"## {title}\n\n{head}", *rows, ""])


def _row(each: Control) -> str:
    unit = f" ({each.unit})" if each.unit else ""
    variable = f"; variable `{each.variable.name}`" if each.variable else ""
    default = f"`{readable(each.default)!r}`" if each.name != "concurrency" else "no workers"
    option = each.plain or ("workers" if each.name == "concurrency" else "window")
    names = f"`{each.setter}` | `{each.name}` | `{option}`"
    return f"| {names} | {default} | {each.about}{unit}{variable} |"


if __name__ == "__main__":
    PAGE.write_text(render())
