"""Text of attribute tables: what side-car files and stores of columns can hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rios_flows import rioserrors

#: What no XML can hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def check_texts(texts: Sequence[bytes], *, in_xml: bool) -> None:
    """Raise if some text is no UTF-8, or cannot be in XML."""
    # all at a time is fast
    if _why_not(b"\n".join(texts), in_xml) is None:
        return
    for text in texts:
        why = _why_not(text, in_xml)
        if why is not None:
            raise rioserrors.AttributeTableTypeError(why)


def why_no_xml(text: str) -> str | None:
    """Return why no XML can hold some text; None if it can."""
    if _CONTROL.search(text) is None:
        return None
    return f"no XML can hold the control character in {text!r}; take it out"


def xml_text(text: bytes) -> str:
    """Return text for a side-car file, or raise AttributeTableTypeError."""
    why = _why_not(text, in_xml=True)
    if why is not None:
        raise rioserrors.AttributeTableTypeError(why)
    return text.decode()


def _why_not(text: bytes, in_xml: bool) -> str | None:
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        return f"{text!r} is no UTF-8 ({error.reason}); decode it, and give text"
    return why_no_xml(decoded) if in_xml else None
