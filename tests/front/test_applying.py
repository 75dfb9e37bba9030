"""``rios_flows.apply``: from files to files, in plain numpy."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import rios_flows as rf
from rios_flows import rioserrors
from rios_flows.front.applying import apply
from tests.orchestration.served import Server
from tests.support.rasters import Array, coordinates, read_raster, write_raster

NODATA = -9999


@pytest.fixture
def green(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "green.tif", coordinates(1, 70, 90, "uint16"))


@pytest.fixture
def red(tmp_path: Path) -> Path:
    pixels = coordinates(1, 70, 90, "uint16")[:, ::-1, ::-1].copy()
    pixels[0, 3:9, 4:8] = 0
    return write_raster(tmp_path / "red.tif", pixels, nodata=0)


def index(green: Any, red: Any) -> Any:
    return (green - red) / (green + red)


def expected_index(green: Path, red: Path, nothing: float) -> Array:
    first, second = (read_raster(path)[0].astype("float32") for path in (green, red))
    return np.where(second == 0, np.float32(nothing), (first - second) / (first + second))


def test_it_is_there_at_the_top() -> None:
    assert rf.apply is apply
    assert "apply" in dir(rf)
    with pytest.raises(AttributeError, match="no attribute 'aply'"):
        rf.aply  # type: ignore[attr-defined]  # noqa: B018


def test_differences_of_bytes_do_not_wrap_and_nodata_stays(
    tmp_path: Path, green: Path, red: Path
) -> None:
    target = tmp_path / "index.tif"
    result = rf.apply(index, {"green": green, "red": red}, target, nodata=NODATA, window=32)
    np.testing.assert_array_equal(read_raster(target)[0], expected_index(green, red, NODATA))
    assert result.info is not None
    assert len(result.info.blocks) == 9
    # floats have NaN as nodata where nobody says otherwise
    rf.apply(index, {"green": green, "red": red}, target)
    np.testing.assert_array_equal(read_raster(target)[0], expected_index(green, red, np.nan))


@pytest.mark.parametrize("workers", ["auto", 1, 2, 99, rf.ConcurrencyStyle(1, 1, "CW_SUBPROC")])
def test_workers(tmp_path: Path, green: Path, red: Path, workers: Any) -> None:
    target = tmp_path / "index.tif"
    result = rf.apply(index, [green, red], target, window=32, workers=workers)
    np.testing.assert_array_equal(read_raster(target)[0], expected_index(green, red, np.nan))
    lanes = {record.lane for record in result.records}
    if workers == 1:
        assert lanes == {"apply"}
    elif not isinstance(workers, rf.ConcurrencyStyle):
        assert len(lanes) <= max(2, len(os.sched_getaffinity(0)))


def test_what_a_function_may_take_and_return(tmp_path: Path, green: Path, red: Path) -> None:
    first, second = tmp_path / "first.tif", tmp_path / "second.tif"
    pixels, others = (read_raster(path)[0].astype("float32") for path in (green, red))

    def both(*, red: Array, info: Any, green: Array, gain: float = 2) -> Any:
        assert red.shape == (info.blockheight, info.blockwidth)
        return green * gain, red + green

    asked: dict[str, Any] = {"masked": False, "nodata": None}
    rf.apply(both, {"green": green, "red": red}, {"a": first, "b": second}, **asked)
    np.testing.assert_array_equal(read_raster(first)[0], pixels * 2)
    np.testing.assert_array_equal(read_raster(second)[0], others + pixels)

    def by_name(green: Array, **rest: Array) -> Any:
        return {"b": green, "a": rest["red"][np.newaxis]}

    rf.apply(by_name, {"green": green, "red": red}, {"a": first, "b": second}, **asked)
    np.testing.assert_array_equal(read_raster(first)[0], others)
    np.testing.assert_array_equal(read_raster(second)[0], pixels)

    rf.apply(np.sqrt, green, first, **asked)
    np.testing.assert_array_equal(read_raster(first)[0], np.sqrt(pixels))
    rf.apply(np.hypot, [green, red], first, **asked)
    np.testing.assert_array_equal(read_raster(first)[0], np.hypot(pixels, others))
    rf.apply(functools.partial(lambda gain, one: one * gain, 3), green, first, **asked)
    np.testing.assert_array_equal(read_raster(first)[0], pixels * 3)
    rf.apply(lambda *bands: sum(bands), [green, red], first, **asked)
    np.testing.assert_array_equal(read_raster(first)[0], pixels + others)
    rf.apply(lambda one: one > 5, green, {"parts": [first]}, nodata=None)
    np.testing.assert_array_equal(read_raster(first)[0], pixels > 5)
    parts = {"parts": [first, second]}
    rf.apply(lambda one: [one, one + 1], green, parts, nodata=None)
    np.testing.assert_array_equal(read_raster(second)[0], pixels + 1)
    with pytest.raises(rioserrors.KeysMismatch, match="a list of 1 for the output 'parts', which"):
        rf.apply(lambda one: [one], green, parts)


def test_a_list_of_files_comes_as_one_array(tmp_path: Path, green: Path, red: Path) -> None:
    target = tmp_path / "mean.tif"

    def mean(dates: Any) -> Any:
        assert dates.shape[0] == 2
        return dates.mean(axis=0)

    rf.apply(mean, [green, red], target, window=32)
    pixels, others = (read_raster(path)[0].astype("float32") for path in (green, red))
    right = np.where(others == 0, pixels, (pixels + others) / 2)
    np.testing.assert_array_equal(read_raster(target)[0], right)
    # what knows no masks gives NaN, and not a number that looks like a median
    rf.apply(lambda dates: np.median(np.asarray(dates), axis=0), {"dates": [green, red]}, target)
    right = np.where(others == 0, np.nan, (pixels + others) / 2)
    np.testing.assert_array_equal(read_raster(target)[0], right)


def test_further_files_one_by_one(tmp_path: Path, green: Path, red: Path) -> None:
    pixels, others = (read_raster(path)[0].astype("float32") for path in (green, red))
    target, files = tmp_path / "out.tif", [green, red, green]

    def changes(first: Any, *rest: Any) -> Any:
        assert first.ndim == rest[0].ndim == 2
        assert len(rest) == 2
        return rest[0] - 2 * first + rest[1]

    rf.apply(changes, files, target, window=32, workers=1)
    right = np.where(others == 0, np.nan, others - pixels)
    np.testing.assert_array_equal(read_raster(target)[0], right)
    # with one file there are no others
    rf.apply(lambda first, *rest: first + len(rest), [green], target)
    np.testing.assert_array_equal(read_raster(target)[0], pixels)
    with pytest.raises(rioserrors.ParameterError, match="takes last by name only; give a dict"):
        rf.apply(lambda first, *rest, last: first, files)


def test_files_of_a_list_with_other_bands_are_refused(tmp_path: Path, green: Path) -> None:
    two = write_raster(tmp_path / "two.tif", coordinates(2, 70, 90, "uint16"))
    with pytest.raises(rioserrors.ArrayShapeError, match="have 1, 2 bands"):
        rf.apply(lambda files: files[0], [green, two], tmp_path / "out.tif")


def test_bands_and_their_axis(tmp_path: Path) -> None:
    scene = write_raster(tmp_path / "scene.tif", coordinates(3, 20, 30, "int16"))
    shapes: list[tuple[int, ...]] = []

    def look(scene: Array) -> None:
        shapes.append(scene.shape)

    asked: list[Any] = [
        {}, {"bands": 2}, {"bands": [2]}, {"bands": {"scene": 2}}, {"bands": {"scene": [2, 3]}},
        {"bands": 2, "squeeze": False},
    ]  # fmt: skip
    for options in asked:
        rf.apply(look, scene, **options)
    rows, cols = 20, 30
    assert shapes == [
        (3, rows, cols), (rows, cols), (1, rows, cols), (rows, cols), (2, rows, cols),
        (1, rows, cols),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("own", "asked", "given"),
    [
        ("uint8", "float", "float32"), ("int16", "float", "float32"),
        ("uint32", "float", "float64"), ("int64", "float", "int64"),
        ("float32", "float", "float32"), ("float64", "float", "float64"),
        ("uint16", None, "uint16"), ("uint16", {"image": None}, "uint16"),
        ("uint16", "int32", "int32"), ("uint16", np.float64, "float64"),
    ],
)  # fmt: skip
def test_types(tmp_path: Path, own: str, asked: Any, given: str) -> None:
    image = write_raster(tmp_path / "image.tif", coordinates(1, 9, 9, own))
    seen: list[str] = []

    def look(image: Array) -> None:
        seen.append(image.dtype.name)

    rf.apply(look, image, dtype=asked)
    assert seen == [given]


def test_a_type_that_loses_values_is_refused(tmp_path: Path, green: Path) -> None:
    with pytest.raises(rioserrors.TypeConversionError, match="int16 does not hold all its"):
        rf.apply(lambda green: green, green, tmp_path / "out.tif", dtype="int16")


def test_masked_pixels_beyond_the_image_and_under_a_vector(tmp_path: Path) -> None:
    pixels = coordinates(1, 20, 20, "int16")
    image = write_raster(tmp_path / "image.tif", pixels)

    def smooth(image: Any) -> Any:
        assert isinstance(image, np.ma.MaskedArray)
        around = [np.roll(image, shift, axis) for shift in (-1, 1) for axis in (0, 1)]
        return np.ma.stack([image, *around]).mean(axis=0)

    rf.apply(smooth, image, tmp_path / "out.tif", overlap=1, window=8, workers=1)
    padded = np.pad(pixels[0].astype("float32"), 1, constant_values=np.nan)
    around = [np.roll(padded, shift, axis) for shift in (-1, 1) for axis in (0, 1)]
    right = np.nanmean(np.stack([padded, *around])[:, 1:-1, 1:-1], axis=0)
    np.testing.assert_allclose(read_raster(tmp_path / "out.tif")[0], right, rtol=1e-6)


def test_masked_integers_need_a_nodata_value(tmp_path: Path, red: Path) -> None:
    target = tmp_path / "out.tif"
    with pytest.raises(rioserrors.TypeConversionError, match="masked pixels") as caught:
        rf.apply(lambda red: red.astype("uint16"), red, target)
    assert "give nodata= with a value that pixels can have" in str(caught.value)
    rf.apply(lambda red: red, red, target, nodata=7, dtype=None)
    assert (read_raster(target)[0, 3:9, 4:8] == 7).all()


@pytest.mark.parametrize(
    ("function", "inputs", "outputs", "options", "message"),
    [
        (1, {}, None, {}, "function is a int; a function of arrays is needed"),
        (index, 5, None, {}, "inputs is a int; a dict of files by parameter"),
        (index, {"gren": "a"}, None, {}, "'gren' is no parameter of index.*; is 'green' meant"),
        (index, {"green": "a"}, None, {}, "inputs has no 'red', which index takes"),
        (index, {"info": "a"}, None, {}, "'info' is the name of what is no array"),
        (index, ["a", "b", "c"], None, {}, "takes green, red, and there are 3 files"),
        (index, "a", None, {}, "takes green, red, and there is 1 file"),
        (index, ["a", "b"], 5, {}, "outputs is a int"),
        (index, ["a", "b"], None, {"nodta": 1}, "no option 'nodta'; is 'nodata' meant"),
        (index, ["a", "b"], None, {"setOverlap": 1}, "no option 'setOverlap'; is 'overlap' meant"),
        (index, ["a", "b"], None, {"quite": 1}, "no option 'quite'; there are masked, dtype"),
        (index, ["a", "b"], None, {"compress": "zstd"}, "'compress'; it goes in creation_options"),
        (index, ["a", "b"], None, {"chunks": 512}, "'chunks'; window= sets the size"),
        (index, ["a", "b"], None, {"n_jobs": 4}, "'n_jobs'; workers= sets how many"),
        (index, ["a", "b"], None, {"windowxsize": 1}, "RIOS's 'windowxsize' is 'window' here"),
        (index, ["a", "b"], None, {"overlap": -1}, "overlap=-1 is not right: it must be at least"),
        (index, ["a", "b"], None, {"window": (1, 2, 3)}, "window=.1, 2, 3. is not right"),
        (index, ["a", "b"], None, {"workers": 0}, "workers=0 is not right"),
        (index, ["a", "b"], None, {"workers": "many"}, "workers='many' is not right"),
        (index, ["a", "b"], None, {"masked": "no"}, "masked='no' is not right: .* True or False"),
        (index, ["a", "b"], None, {"squeeze": None}, "squeeze=None is not right"),
        (index, ["a", "b"], None, {"crs": 3.5}, "crs=3.5 is not right"),
        (index, ["a", "b"], None, {"dtype": "strange"}, "dtype='strange' is not right"),
        (index, ["a", "b"], None, {"dtype": {"gren": None}}, "no input 'gren'; is 'green' meant"),
        (index, ["a", "b"], None, {"resampling": {"rde": "cubic"}}, "no input 'rde'"),
        (index, ["a", "b"], "c.tif", {"nodata": {"red": 1}}, "there is no output 'red'"),
    ],
)  # fmt: skip
def test_what_is_refused_before_anything_is_read(
    function: Any, inputs: Any, outputs: Any, options: Any, message: str
) -> None:
    with pytest.raises(rioserrors.ParameterError, match=message):
        rf.apply(function, inputs, outputs, **options)


@pytest.mark.parametrize(
    ("returned", "outputs", "message"),
    [
        (None, "a.tif", "the function returned None; return an array for the output 'a'"),
        ({"b": 1}, "a.tif", "returned a dict with 'b'; the outputs are 'a'"),
        ((1, 2, 3), {"a": "a.tif", "b": "b.tif"}, "a tuple of 3; return a tuple of 2 arrays"),
        (np.zeros((2, 3)), {"a": "a.tif", "b": "b.tif"}, "returned an array of shape .2, 3."),
        (np.zeros((2, 3)), None, "returned an array, and outputs is None"),
    ],
)
def test_what_a_function_must_not_return(
    tmp_path: Path, green: Path, returned: Any, outputs: Any, message: str
) -> None:
    if isinstance(outputs, str):
        outputs = tmp_path / outputs
    elif outputs:
        outputs = {name: tmp_path / path for name, path in outputs.items()}
    with pytest.raises(rioserrors.WorkerExceptionError, match=message):
        rf.apply(lambda green: returned, green, outputs)


def test_errors_of_arithmetic_with_integers_give_a_hint(tmp_path: Path, green: Path) -> None:
    with pytest.raises(TypeError) as caught:
        rf.apply(lambda green: green & 1, green, tmp_path / "out.tif")
    cause = caught.value.__cause__
    assert cause is not None
    assert "dtype=None gives the types of the files" in cause.__notes__[0]


def test_errors_speak_of_options(tmp_path: Path, green: Path) -> None:
    coarse = write_raster(tmp_path / "coarse.tif", coordinates(1, 35, 45, "uint16"), res=60.0)
    with pytest.raises(rioserrors.ResampleNeededError) as caught:
        rf.apply(index, [green, coarse], tmp_path / "out.tif")
    assert "give like= or grid= to say which grid to work on" in str(caught.value)
    rf.apply(index, [green, coarse], tmp_path / "out.tif", like="green", footprint="union")


@pytest.mark.parametrize("crs", [32755, np.int64(32755), rasterio.CRS.from_epsg(32755)])
def test_a_crs_as_people_have_it(green: Path, crs: Any) -> None:
    with rasterio.open(green) as dataset:
        west, _, _, north = dataset.bounds
    seen: list[Any] = []
    rf.apply(lambda green: seen.append(green.shape), green, workers=1, crs=crs,
             bounds=(west, north - 60, west + 90, north))  # fmt: skip
    assert seen == [(2, 3)]


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, rios_flows\n"
        "assert not {'numpy', 'rasterio', 'rios_flows.engine'} & set(sys.modules)\n"
        "rios_flows.apply\n"
        "assert not {'prefect', 'matplotlib', 'pyogrio', 'dask'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


FLOW = """
import sys
import rios_flows as rf
rf.apply(lambda image: image + 1, sys.argv[1], sys.argv[2], prefect=True)
"""


@pytest.mark.slow
@pytest.mark.prefect
def test_as_a_flow(tmp_path: Path, green: Path, server: Server) -> None:
    target = tmp_path / "plus.tif"
    subprocess.run(
        [sys.executable, "-c", FLOW, green, target],
        env=server.environment(),
        check=True,
        timeout=120,
    )
    np.testing.assert_array_equal(read_raster(target), read_raster(green) + np.float32(1))
