"""What progress objects write."""

from __future__ import annotations

import io

import pytest

from rios_flows.basics import bars as cuiprogress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_for_a_log() -> None:
    stream = io.StringIO()
    progress = cuiprogress.LogProgressBar(stream)
    progress.setLabelText("Working")
    for percent in (0, 0, 1, 1, 50, 100, 120):
        progress.setProgress(percent)
    assert stream.getvalue() == "Working\n0%\n1%\n50%\n100%\n"


def test_a_bar_over_itself() -> None:
    stream = io.StringIO()
    progress = cuiprogress.CUIProgressBar(stream)
    progress.setTotalSteps(8)
    progress.setProgress(4)
    assert stream.getvalue() == f"\r[{'#' * 20}{' ' * 20}]  50%"
    progress.reset()
    progress.setProgress(8)
    assert stream.getvalue().endswith(f"  50%\n\r[{'#' * 40}] 100%\n")
    progress.reset()
    assert stream.getvalue().endswith("100%\n")


def test_the_bar_of_gdal() -> None:
    stream = Terminal()
    progress = cuiprogress.GDALProgressBar(stream)
    progress.setLabelText("Working")
    for percent in (0, 3, 33, 34, 100):
        progress.setProgress(percent)
    expected = "Working\n0...10...20...30...40...50...60...70...80...90...100 - done.\n"
    assert stream.getvalue() == expected
    progress.reset()
    progress.setProgress(20)
    progress.reset()
    progress.setProgress(0)
    assert stream.getvalue() == f"{expected}0...10...20\n0"


def test_no_bar_of_gdal_in_a_file() -> None:
    stream = io.StringIO()
    progress = cuiprogress.GDALProgressBar(stream)
    progress.setLabelText("Working")
    progress.setProgress(100)
    assert stream.getvalue() == ""


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    progress = cuiprogress.CUIProgressBar()
    progress.displayInfo("one")
    progress.displayWarning("two")
    progress.displayError("three")
    progress.displayException("four")
    assert capsys.readouterr().out == "Info: one\nWarning: two\nError: three\nfour\n"


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    progress = cuiprogress.SilentProgress()
    progress.setTotalSteps(0)
    progress.setLabelText("a")
    progress.setProgress(0)
    progress.displayInfo("one")
    progress.displayWarning("two")
    progress.displayError("three")
    progress.displayException("four")
    progress.reset()
    assert not progress.wasCancelled()
    assert capsys.readouterr().out == ""
