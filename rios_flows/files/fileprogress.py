"""The progress of work on a file, reported to a progress object."""

from __future__ import annotations

from typing import Any

from rios_flows import rioserrors


class FileProgress:
    """Reports the work on a file to a progress object, part by part, and stops if it says so."""

    def __init__(self, progress: Any, text: str, file: str, parts: int = 1) -> None:
        self._progress = progress
        self._text = text
        self._file = file
        self._parts = parts
        self._done = 0
        self._call("reset")
        self._call("setLabelText", text)

    def show(self, percent: float) -> None:
        """Report how much of the current part is done."""
        self._progress.setProgress(int((100 * self._done + percent) / self._parts))
        if self._call("wasCancelled"):
            raise rioserrors.ProcessCancelledError(
                f"'{self._text}' of '{self._file}' was cancelled by the progress object"
            )

    def next_part(self) -> None:
        """Report that the current part is done."""
        self._done += 1
        self.show(0)

    def _call(self, name: str, *arguments: Any) -> Any:
        # RIOS's own apply calls only setProgress, and some objects have nothing else
        method = getattr(self._progress, name, None)
        return method(*arguments) if callable(method) else None
