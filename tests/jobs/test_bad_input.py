"""Bad input: one clear error, the previous output as it was, nothing left behind."""

from __future__ import annotations

import logging
import os
import pickle
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.basics.errortext import traceback_of
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations, OtherInputs
from tests.support.rasters import coordinates, read_raster, write_raster
from tests.support.styles import STYLES


class Job:
    """A small job on a 100 x 80 raster whose output exists already, and what must stay of it."""

    def __init__(self, folder: Path, style: str) -> None:
        self.folder = folder
        self.pixels = coordinates(1, 80, 100, "int16")
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = write_raster(folder / "in.tif", self.pixels)
        self.outfiles.result = write_raster(folder / "out.tif", self.pixels * 0 + 5)
        self.controls = ApplierControls()
        self.controls.setWindowSize(32, 32)
        self.controls.setBlockRetries(delay=0)
        self.controls.setConcurrencyStyle(STYLES[style])
        self.before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fails(
        self, function: Callable[..., None], error: type[Exception], *words: str
    ) -> Exception:
        threads = threading.active_count()
        with pytest.raises(error) as caught:
            engine.apply(function, self.infiles, self.outfiles, controls=self.controls)
        message = str(caught.value)
        assert isinstance(caught.value, rioserrors.RiosError)
        for word in words:
            assert word in message
        assert threading.active_count() == threads
        after = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        assert after == self.before
        assert str(pickle.loads(pickle.dumps(caught.value))) == message
        return caught.value


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path, request.param)


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


def test_the_job_itself_is_good(job: Job) -> None:
    engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    np.testing.assert_array_equal(read_raster(job.folder / "out.tif"), job.pixels * 2)
    assert sorted(path.name for path in job.folder.iterdir()) == ["in.tif", "out.tif"]


def test_missing_file(job: Job) -> None:
    job.infiles.image = str(job.folder / "nowhere.tif")
    job.fails(double, rioserrors.FileOpenError, "nowhere.tif", "image", "no such file")


def test_not_a_raster(job: Job) -> None:
    (job.folder / "notes.txt").write_text("no pixels here")
    job.before["notes.txt"] = b"no pixels here"
    job.infiles.image = job.folder / "notes.txt"
    job.fails(double, OSError, "notes.txt", "image")


def test_tiles_that_do_not_decode(job: Job) -> None:
    path = job.folder / "corrupt.tif"
    write_raster(path, job.pixels, tiled=True, blockxsize=16, blockysize=16, compress="deflate")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xaa" * (len(content) - len(content) // 2)
    # the directory of a GTiff made in one go stands in front, its tiles behind
    path.write_bytes(content)
    job.before["corrupt.tif"] = bytes(content)
    job.infiles.image = path
    job.fails(double, OSError, "corrupt.tif", "image", "block row", "read stage")


def test_output_directory_missing(job: Job) -> None:
    job.outfiles.result = job.folder / "nowhere" / "out.tif"
    job.fails(double, rioserrors.ImageOpenError, "nowhere", "result", "not a directory")


def test_output_directory_is_a_file(job: Job) -> None:
    job.outfiles.result = job.folder / "in.tif" / "out.tif"
    job.fails(double, rioserrors.ImageOpenError, "in.tif", "result")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
@pytest.mark.parametrize("style", STYLES)
def test_output_directory_not_writable(style: str) -> None:
    # pytest's own folders let nobody else in
    with tempfile.TemporaryDirectory() as folder:
        job = Job(Path(folder), style)
        job.folder.chmod(0o555)
        os.seteuid(65534)
        try:
            job.fails(double, rioserrors.ImageOpenError, "out.tif", "result", "Permission denied")
        finally:
            os.seteuid(0)


def test_function_raises(job: Job) -> None:
    def broken(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        if info.getBlockCount() == (2, 1):
            raise ZeroDivisionError("the sea is empty")

    error = job.fails(
        broken,
        rioserrors.WorkerExceptionError,
        "'broken'",
        "block row 1, column 2",
        "compute stage",
        "out.tif",
        "ZeroDivisionError: the sea is empty",
    )
    assert isinstance(error, RuntimeError)
    assert isinstance(error.__cause__, ZeroDivisionError)
    # the cause's traceback says where; the message does not say it again
    assert "test_bad_input.py" in traceback_of(error.__cause__)
    assert "Traceback" not in str(error)


def test_wrong_rows_and_columns(job: Job) -> None:
    def cut(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image[:, 1:, :]

    error = rioserrors.ArrayShapeError
    job.fails(cut, error, "'result'", "out.tif", "block row", "(bands, 32, 32)", "(1, 31, 32)")


def test_wrong_number_of_dimensions(job: Job) -> None:
    def flat(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image[0]

    error = job.fails(flat, ValueError, "'result'", "(32, 32)", "(bands, 32, 32)")
    assert str(error).endswith("columns of the block; add the band: array[np.newaxis]")


@pytest.mark.parametrize(("overlap", "words"), [(1, "margin of 1 pixel"), (2, "of 2 pixels")])
def test_margin_that_was_cut_off(job: Job, overlap: int, words: str) -> None:
    def cut(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image[:, overlap:-overlap, overlap:-overlap]

    job.controls.setOverlap(overlap)
    error = job.fails(cut, rioserrors.ArrayShapeError, "with its margin")
    assert str(error).endswith(words)


def test_forgotten_output(job: Job) -> None:
    def idle(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isFirstBlock():
            double(info, inputs, outputs)

    job.fails(idle, KeyError, "'result'", "block row", "outputs.result")


def test_list_with_too_few_arrays(job: Job) -> None:
    job.outfiles.result = [str(job.folder / "out.tif"), str(job.folder / "more.tif")]

    def one(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = [inputs.image]

    job.fails(one, rioserrors.KeysMismatch, "result[1]", "block row")


def test_output_that_is_no_array(job: Job) -> None:
    def text(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = "pixels"

    job.fails(text, TypeError, "'result'", "str", "numpy array")


def test_later_block_of_another_type(job: Job) -> None:
    def wavering(info: Any, inputs: Any, outputs: Any) -> None:
        # read from the sky: whichever block is written first decides
        kind = np.float32 if info.getBlockCount() == (1, 1) else np.int16
        outputs.result = (inputs.image % 100 + 0.1).astype(kind)

    job.fails(wavering, rioserrors.TypeConversionError, "'result'", "block row", "float32", "int16")


def test_later_block_with_more_bands(job: Job) -> None:
    def growing(info: Any, inputs: Any, outputs: Any) -> None:
        count = 2 if info.getBlockCount() == (1, 1) else 1
        outputs.result = np.repeat(inputs.image, count, axis=0)

    job.fails(growing, rioserrors.ArrayShapeError, "'result'", "block row", "bands")


def test_type_that_no_file_holds(job: Job) -> None:
    def half(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image.astype(np.float16)

    job.fails(half, TypeError, "'result'", "float16", "astype")


def test_misspelt_image_name(job: Job) -> None:
    job.controls.setThematic(True, imagename="resutl")
    job.fails(double, ValueError, "resutl", "hematic")


def test_no_pixel_in_common(job: Job) -> None:
    job.infiles.far = write_raster(job.folder / "far.tif", job.pixels, offset=(5000, 0))
    job.before["far.tif"] = (job.folder / "far.tif").read_bytes()
    job.fails(double, rioserrors.IntersectionError, "intersect")


@pytest.mark.parametrize("size", [(0, 32), (32, 0), (-1, -1)])
def test_window_below_one_pixel(job: Job, size: tuple[int, int]) -> None:
    job.controls.setWindowSize(*size)
    with pytest.raises(ValueError, match=r"(?i)window"):
        engine.apply(double, job.infiles, job.outfiles, controls=job.controls)


def test_two_outputs_in_one_file(job: Job) -> None:
    job.outfiles.again = job.folder / "." / "out.tif"
    job.fails(double, ValueError, "'result'", "'again'", "out.tif")


def test_band_that_does_not_exist(job: Job) -> None:
    job.controls.selectInputImageLayers([1, 2])
    job.fails(double, ValueError, "selectInputImageLayers", "'image'", "in.tif", "2")


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs Linux's /proc")
def test_output_in_a_directory_that_only_looks_writable(job: Job) -> None:
    job.outfiles.result = "/proc/out.tif"
    error = job.fails(double, rioserrors.ImageOpenError, "'/proc'", "cannot be written to")
    assert ".rios_flows" not in str(error)


def test_empty_list_of_inputs(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.infiles.dates = []
    engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert "input 'dates' is an empty list" in caplog.text


def test_controls_in_the_place_of_other_args(job: Job) -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"an ApplierControls: pass controls="):
        engine.apply(double, job.infiles, job.outfiles, job.controls)


def test_function_that_needs_other_args(job: Job) -> None:
    def scaled(info: Any, inputs: Any, outputs: Any, otherArgs: Any) -> None:
        outputs.result = inputs.image * otherArgs.scale

    error = rioserrors.WorkerExceptionError
    job.fails(scaled, error, "'otherArgs'", "called with 3 arguments, as otherArgs is None")


def test_function_that_takes_no_other_args(job: Job) -> None:
    with pytest.raises(rioserrors.WorkerExceptionError, match="with 4 arguments, as otherArgs was"):
        engine.apply(double, job.infiles, job.outfiles, OtherInputs(), job.controls)


def test_a_type_error_inside_the_function_is_no_wrong_call(job: Job) -> None:
    def inside(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs)  # type: ignore[call-arg]

    error = job.fails(inside, rioserrors.WorkerExceptionError, "missing 1 required")
    assert "called with" not in str(error)


def test_misspelt_output(job: Job) -> None:
    def misspelt(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.resutl = inputs.image

    job.fails(misspelt, KeyError, "'result'", "it set 'resutl', which is not in outfiles")


def test_misspelt_input(job: Job) -> None:
    def misspelt(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.imaeg

    job.infiles.again = job.infiles.image
    error = rioserrors.WorkerExceptionError
    job.fails(misspelt, error, "no attribute 'imaeg'; there are image, again")


def test_function_that_is_none(job: Job) -> None:
    job.fails(None, ValueError, "userFunction")  # type: ignore[arg-type]


def replacing(job: Job, path: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Run the job with this output, and return the warnings."""
    job.outfiles.result = path
    caplog.clear()
    with caplog.at_level(logging.WARNING, "rios_flows"):
        engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    return [record.getMessage() for record in caplog.records]


def test_outputs_that_nobody_asked_for(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        outputs.resutl = inputs.image
        outputs.several = [inputs.image, inputs.image, inputs.image]

    job.outfiles.several = [job.folder / "a.tif", job.folder / "b.tif"]
    with caplog.at_level(logging.WARNING, "rios_flows"):
        engine.apply(function, job.infiles, job.outfiles, controls=job.controls)
    words = [record.getMessage() for record in caplog.records]
    assert sorted(words) == [
        "The user function gave outputs.several 3 arrays; outfiles has 2 files for it, and the "
        "others are written nowhere",
        "The user function set outputs.resutl, which is not in outfiles, and is written nowhere; "
        "the outputs are result, several",
    ]


def test_output_that_takes_an_input_for_its_own(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.infiles.mask = write_raster(job.folder / "new.tif.msk", job.pixels)
    path = str(job.folder / "new.tif")
    words = f"Output 'result' ('{path}') replaces input 'mask'"
    assert replacing(job, path, caplog) == [words]


@pytest.mark.parametrize("spelling", ["in.tif", "./in.tif", "link.tif"])
def test_output_that_is_an_input(job: Job, spelling: str, caplog: pytest.LogCaptureFixture) -> None:
    (job.folder / "link.tif").symlink_to("in.tif")
    path = f"{job.folder}/{spelling}"
    words = f"Output 'result' ('{path}') replaces input 'image'"
    assert replacing(job, path, caplog) == [words]
    np.testing.assert_array_equal(read_raster(job.folder / "in.tif"), job.pixels * 2)


def test_output_that_is_one_of_a_list_of_inputs(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.infiles.dates = [job.infiles.image, write_raster(job.folder / "b.tif", job.pixels)]
    path = str(job.folder / "b.tif")
    words = f"Output 'result' ('{path}') replaces input 'dates[1]'"
    assert replacing(job, path, caplog) == [words]
    assert replacing(job, str(job.folder / "out.tif"), caplog) == []
