"""A run on one HTML page, with its pictures in it."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping


def data_url(png: bytes) -> str:
    """Write a PNG as the address of a picture, for what can have no file beside it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def page(title: str, text: str, pictures: Mapping[str, bytes]) -> str:
    """Write a page: PNG pictures by title, then a text as it is."""
    shown = "\n".join(
        f'<p><img alt="{html.escape(name)}" src="{data_url(png)}"></p>'
        for name, png in pictures.items()
    )
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>\n"
        f"<body>\n{shown}\n<pre>{html.escape(text)}</pre>\n</body></html>\n"
    )
