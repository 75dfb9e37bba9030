"""A run on one HTML page, with its pictures in it."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping


def page(title: str, text: str, pictures: Mapping[str, bytes]) -> str:
    """Write a page: PNG pictures by title, then a text as it is."""
    shown = "\n".join(
        f'<p><img alt="{html.escape(name)}" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'
        for name, png in pictures.items()
    )
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>\n"
        f"<body>\n{shown}\n<pre>{html.escape(text)}</pre>\n</body></html>\n"
    )
