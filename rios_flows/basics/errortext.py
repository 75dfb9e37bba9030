"""The text of an error, even if its class fails to give one."""

from __future__ import annotations

import os
import traceback

#: How the note of an error begins that says which outputs are new all the same.
OUTPUTS = "Outputs: "


class Halted(BaseException):
    """Somebody outside has ended the run. The text says how: "was suspended"."""


def text_of(error: BaseException) -> str:
    """Return the text of an error, even if its class fails to give one."""
    try:
        return str(error)
    except Exception as failure:
        return f"(its text is not known: its __str__ raised {type(failure).__name__})"


def traceback_of(error: BaseException) -> str:
    """Return an error as Python prints it, even if its class fails to give a text."""
    try:
        return "".join(traceback.format_exception(error)).rstrip()
    except Exception as failure:
        return f"(its traceback is not known: {type(failure).__name__})"


def summary_of(error: BaseException) -> str:
    """Return an error's type and the first line of its text."""
    return f"{type(error).__name__}: {text_of(error)}".partition("\n")[0].rstrip(": ")


def outputs_after(error: BaseException) -> str:
    """Return what became of the outputs of a run that an error ended."""
    notes = [note for note in getattr(error, "__notes__", ()) if str(note).startswith(OUTPUTS)]
    return f"{notes[-1]}." if notes else "Every output is as it was before."


def is_interruption(error: BaseException | None) -> bool:
    """Return whether Ctrl-C or a signal ended the run."""
    return error is not None and not isinstance(error, Exception | SystemExit)


def interruption_of(error: BaseException) -> str:
    """Return what an interruption has done to a run, as "was cancelled"."""
    return text_of(error) if isinstance(error, Halted) else "was cancelled"


def why_not_opened(path: object, error: BaseException) -> str:
    """Return why a file cannot be opened, and whose memory ``/vsimem`` is."""
    if "/vsimem/" not in str(path):
        return str(error)
    return (
        f"{error}; /vsimem is here the memory of rasterio's own GDAL, and files that "
        "osgeo wrote there are in osgeo's GDAL: write to a file on disk, or use rasterio.MemoryFile"
    )


def why_not_found(path: str) -> str | None:
    """Return why a local file cannot be found; None if it is there, or the name is not local."""
    if "://" in path or path.startswith("/vsi") or os.path.exists(path):
        return None
    closed = closed_above(path)
    if closed is not None:
        return f"this user may not look into the directory '{closed}'"
    return "there is no such file"


def closed_above(path: str) -> str | None:
    """Return the directory above a path that this user may not look into; None without one."""
    try:
        os.stat(path)
    except PermissionError:
        closed = os.path.dirname(os.path.abspath(path))
        while not os.path.exists(closed):
            closed = os.path.dirname(closed)
        return closed
    except (OSError, ValueError):
        pass
    return None
