"""Progress on a file, in parts."""

from __future__ import annotations

from typing import Any

import pytest

from rios_flows.files.fileprogress import FileProgress
from rios_flows.rioserrors import ProcessCancelledError


class Heard:
    def __init__(self, cancels_at: int = 101) -> None:
        self.percents: list[int] = []
        self.cancels_at = cancels_at

    def setProgress(self, percent: int) -> None:
        self.percents.append(percent)

    def wasCancelled(self) -> bool:
        return self.percents[-1] >= self.cancels_at


def test_parts_make_up_the_whole() -> None:
    heard: Any = Heard()
    progress = FileProgress(heard, "Computing", "a.tif", parts=2)
    progress.show(50)
    progress.next_part()
    progress.show(100)
    assert heard.percents == [25, 50, 100]


def test_cancelling_stops_it() -> None:
    progress = FileProgress(Heard(cancels_at=10), "Computing", "a.tif")
    with pytest.raises(ProcessCancelledError, match="was cancelled"):
        progress.show(10)
