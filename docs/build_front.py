"""Write ``rios_flows/front/options.py``, the types of the options of ``rios_flows.apply``."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from rios_flows.controls.declaring import Control
from rios_flows.front.wording import plain_names

MODULE = Path(__file__).parents[1] / "rios_flows" / "front" / "options.py"

HEAD = '''"""The options of ``rios_flows.apply`` for type checkers and editors.

Made from the declarations of controls by docs/build_front.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from numpy.typing import DTypeLike

from rios_flows.controls.retries import BlockRetries
from rios_flows.geometry.pixelgriddefn import PixelGridDefn

#: A function, or one with further arguments.
BeforeClose = Callable[..., Any] | tuple[Any, ...]

#: Numbers from 1, or descriptions; a single one comes without its axis.
Bands = int | str | Sequence[int | str]


class Options(TypedDict, total=False):
    """What can be asked of a run, by its name in ``rios_flows.apply``.

    Where a type has a Mapping, a dict gives a value to each input or output by its name.
    """
'''

#: Types that say more than those of the checked values.
TYPES = {
    "footprint": 'Literal["intersection", "union", "bounds_from_reference"] | int',
    "files_for_extent": "Sequence[str | PathLike[str]] | None",
    "like": "str | PathLike[str] | None",
    "area": "str | PathLike[str] | None",
    "tempdir": "str | PathLike[str]",
    "bands": "Bands | None",
    "vector_dtype": "DTypeLike",
    "creation_options": "Sequence[str] | str | None",
    "progress": "Any",
    "before_close": "BeforeClose | None",
}


def render() -> str:
    """Write the whole module."""
    return HEAD + "".join(_field(name, each) for name, each in plain_names().items())


def _field(name: str, control: Control) -> str:
    kind = TYPES.get(name) or re.sub(r"tuple\[(\w+), \.\.\.\]", r"Sequence[\1]", control.annotation)
    if control.per_image:
        plain = kind.removesuffix(" | None")
        kind = f"{plain} | Mapping[str, {kind}]" + kind.removeprefix(plain)
    unit = f" ({control.unit})" if control.unit else ""
    return f"\n    {name}: {_wrapped(kind, name)}\n{_docstring(control.about + unit)}\n"


def _wrapped(kind: str, name: str) -> str:
    if len(name) + len(kind) + 6 <= 100:
        return kind
    parts = re.split(r" \| (?![^\[]*\])", kind)
    lines = "".join(
        f"\n        {'| ' if number else ''}{part}" for number, part in enumerate(parts)
    )
    return f"({lines}\n    )"


def _docstring(text: str) -> str:
    lines = textwrap.wrap(f'"""{text}."""', 96)
    return textwrap.indent("\n".join(lines), "    ")


if __name__ == "__main__":
    MODULE.write_text(render())
