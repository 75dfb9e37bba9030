"""Colour tables: made, written and read back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rios_flows import colortable, rioserrors
from rios_flows.files import colorrows as rat
from rios_flows.files import colors
from rios_flows.files import statistics as calcstats
from tests.support.rasters import CRS, ORIGIN, RES


@pytest.fixture(params=["a.tif", "a.img"])
def classes(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    raster(path, "uint8")
    return path


def raster(path: Path, dtype: str, bands: int = 1, top: int = 1, *, thematic: bool = False) -> None:
    driver = "GTiff" if path.suffix == ".tif" else "HFA"
    profile = {"width": 40, "height": 30, "count": bands, "crs": CRS}
    transform = from_origin(*ORIGIN, RES, RES)
    with rasterio.open(
        path, "w", driver=driver, dtype=dtype, transform=transform, **profile
    ) as dataset:
        dataset.write(np.resize(np.arange(1, top + 1), (bands, 30, 40)).astype(dtype))
        if thematic:
            dataset.update_tags(1, LAYER_TYPE="thematic")


@pytest.mark.parametrize("name", colortable.getRampNames())
@pytest.mark.parametrize("number", [1, 2, 7, 256, 1000])
def test_every_ramp(name: str, number: int) -> None:
    table = colortable.genTable(number, name)
    assert table.shape == (4, number)
    assert table.dtype == np.uint8
    assert (table[3] == 255).all()
    np.testing.assert_array_equal(table, colortable.genTable(number, name))
    if number == 256:
        assert len(np.unique(table.T, axis=0)) >= 8


def test_the_names_of_before() -> None:
    names = colortable.getRampNames()
    assert {"Blues", "RdYlGn", "Set3", "viridis", "plasma", "gray", "rainbow", "RANDOM"} <= {*names}
    assert len(names) == len(set(names)) >= 41
    assert len(colortable.RAMP) == len(names) - 1


def test_from_black_to_white() -> None:
    table = colortable.genTable(256, "gray", ignoreVal=7)
    expected = np.arange(256)
    expected[7] = 0
    assert table[0].tolist() == table[2].tolist() == expected.tolist()
    assert table[3, 6:9].tolist() == [255, 0, 255]


def test_colour_points() -> None:
    table = colortable.genTable(31, "gray", colorPoints=[10, 15, 30])
    assert table[0, [0, 10, 15, 30]].tolist() == [0, 0, 127, 255]
    with pytest.raises(colortable.ColorTableException, match="ascending"):
        colortable.genTable(31, "gray", colorPoints=[10, 10])


def test_a_ramp_of_ones_own() -> None:
    colortable.addRamp("mine", [[0, 0, 0], [255, 0, 100]])
    assert "mine" in colortable.getRampNames()
    assert colortable.genTable(3, "mine").T.tolist() == [
        [0, 0, 0, 255],
        [127, 0, 50, 255],
        [255, 0, 100, 255],
    ]
    with pytest.raises(colortable.ColorTableException, match=r"'bad' have shape \(3,\)"):
        colortable.addRamp("bad", [1, 2, 3])
    with pytest.raises(
        colortable.ColorTableException, match="from 1 to 300; give numbers from 0 to 255"
    ):
        colortable.addRamp("bad", [[1, 2, 3], [1, 2, 300]])


def test_tables_that_cannot_be_made() -> None:
    with pytest.raises(colortable.ColorTableException, match="'nope'; use one of Blues"):
        colortable.genTable(5, "nope")
    with pytest.raises(colortable.ColorTableException, match="numEntries=0"):
        colortable.genTable(0, "Blues")


def test_written_and_read_back(classes: Path) -> None:
    table = colortable.genTable(256, "viridis", ignoreVal=0)
    colors.setTable(str(classes), table)
    if classes.suffix == ".tif":
        table[3] = 255
    np.testing.assert_array_equal(colors.getTable(classes), table)
    with rasterio.open(classes) as dataset:
        np.testing.assert_array_equal(colors.getTable(dataset, 1), table)


def test_without_alpha(classes: Path) -> None:
    colors.setTable(classes, [[1, 2], [3, 4], [5, 6]])
    assert colors.getTable(classes)[:, :2].T.tolist() == [[1, 3, 5, 255], [2, 4, 6, 255]]


def test_a_file_that_is_still_being_written(tmp_path: Path) -> None:
    for name, driver in (("a.tif", "GTiff"), ("a.img", "HFA")):
        profile = {"width": 40, "height": 30, "count": 1, "dtype": "uint8", "crs": CRS}
        transform = from_origin(*ORIGIN, RES, RES)
        with rasterio.open(
            tmp_path / name, "w", driver=driver, transform=transform, **profile
        ) as dataset:
            dataset.write(np.ones((1, 30, 40), np.uint8))
            colors.setTable(dataset, colortable.genTable(256, "Blues"))
        table = colors.getTable(tmp_path / name)
        np.testing.assert_array_equal(table, colortable.genTable(256, "Blues"))


def test_no_table(classes: Path) -> None:
    with pytest.raises(colortable.ColorTableMissingException, match="has no colour table"):
        colors.getTable(classes)


@pytest.mark.parametrize("table", [[[1, 2]], np.zeros((2, 2, 2)), np.full((4, 3), 256)])
def test_tables_that_are_none(classes: Path, table: object) -> None:
    with pytest.raises(colortable.ColorTableException):
        colors.setTable(classes, table)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dtype", "band", "entries", "reason"),
    [
        ("float32", 1, 5, "uint8 and uint16, and not for float32"),
        ("uint8", 2, 5, "not for band 2"),
    ],
)
def test_what_gdal_would_leave_out_in_silence(
    tmp_path: Path, dtype: str, band: int, entries: int, reason: str
) -> None:
    raster(tmp_path / "a.tif", dtype, bands=2)
    table = colortable.genTable(entries, "Blues")
    with pytest.raises(colortable.ColorTableException, match=reason):
        colors.setTable(tmp_path / "a.tif", table, band, colorTableAPI=True)
    colors.setTable(tmp_path / "a.tif", table, band)
    kept = colors.getTable(tmp_path / "a.tif", band)
    np.testing.assert_array_equal(kept[:, :entries], table)
    assert not kept[:, entries:].any()
    raster(tmp_path / "a.img", dtype, bands=2)
    colors.setTable(tmp_path / "a.img", table, band)
    np.testing.assert_array_equal(colors.getTable(tmp_path / "a.img", band), table)


@pytest.mark.parametrize("ending", ["tif", "img"])
@pytest.mark.parametrize("thematic", [True, False])
@pytest.mark.parametrize(("dtype", "top"), [("uint8", 3), ("uint8", 200), ("uint16", 9)])
@pytest.mark.parametrize("number", [1, 4, 10, 256])
def test_of_files_with_statistics(
    tmp_path: Path, ending: str, thematic: bool, dtype: str, top: int, number: int
) -> None:
    path = tmp_path / f"a.{ending}"
    raster(path, dtype, top=top, thematic=thematic)
    calcstats.calcStats(path)
    rows = np.array([[i, i % 251, 7 * i % 256, 255 - i, 255] for i in range(number)])
    rat.setColorTable(path, rows)
    assert rat.getColorTable(path)[:number, :4].tolist() == rows[:, :4].tolist()
    colors.setTable(path, rows[:, 1:].T)
    assert rat.getColorTable(path)[:number, :4].tolist() == rows[:, :4].tolist()


def test_last_colours_that_are_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.img"
    # 256 bins for a thousand values
    raster(path, "int16", top=1000)
    calcstats.calcStats(path)
    table = np.full((4, 1001), 9)
    table[:, :5] = [[1, 2, 3, 4, 5]]
    colors.setTable(path, table)
    np.testing.assert_array_equal(colors.getTable(path)[:, :1001], table)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colours_of_values_that_no_pixel_can_have(
    tmp_path: Path, dtype: str, caplog: pytest.LogCaptureFixture
) -> None:
    most = np.iinfo(dtype).max + 1
    raster(tmp_path / "a.tif", dtype)
    table = colortable.genTable(most + 1, "viridis")
    colors.setTable(tmp_path / "a.tif", table)
    assert f"the first {most} of {most + 1} colours" in caplog.text
    np.testing.assert_array_equal(colors.getTable(tmp_path / "a.tif"), table[:, :most])


def test_a_format_that_keeps_no_table(tmp_path: Path) -> None:
    path, transform = tmp_path / "a.bil", from_origin(*ORIGIN, RES, RES)
    profile = {"width": 40, "height": 30, "count": 1, "dtype": "uint8", "crs": CRS}
    with rasterio.open(path, "w", driver="ENVI", transform=transform, **profile) as dataset:
        dataset.write(np.ones((1, 30, 40), np.uint8))
    words = r"band 1 of '.*a\.bil' a colour table: ENVI does not keep it"
    with pytest.raises(colortable.ColorTableException, match=words):
        colors.setTable(path, colortable.genTable(5, "Blues"), colorTableAPI=True)
    rat.setColorTable(path, [[1, 2, 3, 4]])
    assert rat.getColorTable(path)[:2].tolist() == [[0, 0, 0, 0, 0], [1, 2, 3, 4, 255]]


LIMITED = """
import resource, signal, sys
from rios_flows import rioserrors
from rios_flows.files import statistics as calcstats
from rios_flows import colortable
from rios_flows.files import colorrows as rat
from rios_flows.files import colors

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    if sys.argv[1] == "setTable":
        colors.setTable(sys.argv[2], colortable.genTable(256, "Blues"))
    else:
        rat.setColorTable(sys.argv[2], rat.genColorTable(256, "rainbow"))
except rioserrors.ImageWriteError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("function", ["setTable", "setColorTable"])
def test_a_file_that_may_not_grow(classes: Path, function: str) -> None:
    limit = str(classes.stat().st_size + 10)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, function, str(classes), limit],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("refused: Unable to change"), done.stdout + done.stderr
    assert classes.name in done.stdout
    assert "is the disk full" in done.stdout


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(rioserrors.ImageOpenError, match="Unable to open"):
        colors.getTable(tmp_path / "a.tif")


def test_rows(classes: Path) -> None:
    rat.setColorTable(str(classes), [[3, 10, 20, 30], [1, 5, 6, 7]])
    rows = rat.getColorTable(str(classes))
    assert rows.shape == (256, 5)
    # a GTiff keeps no alpha
    gap = 255 if classes.suffix == ".tif" else 0
    assert rows[:5].tolist() == [
        [0, 0, 0, 0, gap],
        [1, 5, 6, 7, 255],
        [2, 0, 0, 0, gap],
        [3, 10, 20, 30, 255],
        [4, 0, 0, 0, gap],
    ]
    colors = rat.genColorTable(10, "rainbow")
    rat.setColorTable(classes, np.column_stack([np.arange(10), colors]))
    assert rat.getColorTable(classes)[:10, 1:].tolist() == colors.tolist()
    assert (rat.getColorTable(classes)[:10, 4] == 255).all()


RED, GREEN, BLUE = [255, 0, 0], [0, 255, 0], [0, 0, 255]


@pytest.mark.parametrize(
    ("kind", "colors"),
    [
        ("gray", [[value] * 3 for value in (0, 63, 127, 191, 255)]),
        ("rainbow", [RED, GREEN]),
        ("rainbow", [RED, GREEN, GREEN, [0, 127, 127], BLUE]),
        (
            "rainbow",
            [RED, [170, 85, 0], [85, 170, 0], GREEN, GREEN, [0, 170, 85], [0, 85, 170], BLUE],
        ),
    ],
)
def test_automatic_tables(kind: str, colors: list[list[int]]) -> None:
    rows = rat.genColorTable(len(colors), kind)
    assert rows.tolist() == [[*color, 255] for color in colors]
    assert rows.dtype == {"gray": np.uint8, "rainbow": np.uint32}[kind]


@pytest.mark.parametrize("kind", ["rainbow", "gray", "random"])
@pytest.mark.parametrize("number", [1, 2, 20, 256, 1000])
def test_automatic_tables_of_any_length(kind: str, number: int) -> None:
    rows = rat.genColorTable(number, kind)
    assert rows.shape == (number, 4)
    assert rows.max() == 255
    assert (rows[:, 3] == 255).all()
    make = getattr(rat, f"genColorTable_{kind}")
    np.testing.assert_array_equal(make(number), rows)


def test_ramps_are_cut_to_whole_numbers() -> None:
    assert colortable.genTable(5, "gray")[0].tolist() == [0, 63, 127, 191, 255]
    table = colortable.genTable(4, "rainbow")
    assert table.T.tolist() == [
        [*RED, 255],
        [85, 170, 0, 255],
        [0, 170, 85, 255],
        [*BLUE, 255],
    ]


def test_the_colours_of_a_ramp_themselves() -> None:
    # Cynthia Brewer's own
    blues = ["f7fbff", "deebf7", "c6dbef", "9ecae1", "6baed6", "4292c6", "2171b5", "08519c"]
    table = colortable.genTable(9, "Blues")
    assert [bytes(color).hex() for color in table[:3].T] == [*blues, "08306b"]
    middle = colortable.genTable(11, "Spectral")[:3, 5]
    assert bytes(middle).hex() == "ffffbf"


def test_rows_that_are_none(classes: Path) -> None:
    with pytest.raises(rioserrors.ColorTableGenerationError, match="'blue'; use one of rainbow"):
        rat.genColorTable(5, "blue")
    with pytest.raises(rioserrors.ColorTableGenerationError, match="numEntries=0"):
        rat.genColorTable(0, "gray")
    with pytest.raises(rioserrors.ArrayShapeError, match=r"shape \(2, 3\)"):
        rat.setColorTable(classes, np.zeros((2, 3)))
    with pytest.raises(rioserrors.ParameterError, match="negative"):
        rat.setColorTable(classes, [[-1, 0, 0, 0]])


def test_a_large_table(tmp_path: Path) -> None:
    raster(tmp_path / "a.tif", "uint16")
    with pytest.warns(FutureWarning, match="300 colours"):
        rat.setColorTable(
            tmp_path / "a.tif",
            np.column_stack([np.arange(300), rat.genColorTable(300, "gray")]),
        )
    assert rat.getColorTable(tmp_path / "a.tif")[299].tolist() == [299, 255, 255, 255, 255]


def test_matplotlib_is_imported_only_when_a_ramp_is_used() -> None:
    code = (
        "import sys; from rios_flows import colortable, rat; colortable.getRampNames();"
        "colortable.genTable(3, 'RANDOM'); sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int64", "float64"])
def test_rows_of_any_type(classes: Path, dtype: str) -> None:
    rat.setColorTable(classes, np.array([[3, 10, 20, 30]], dtype))
    assert rat.getColorTable(classes)[3].tolist() == [3, 10, 20, 30, 255]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0.5, 1, 2, 3]], "not of whole numbers"),
        ([[1 << 40, 1, 2, 3]], "from 1099511627776 to"),
        ([["a", "b", "c", "d"]], "not of whole numbers"),
    ],
)
def test_rows_that_cannot_be(classes: Path, rows: object, words: str) -> None:
    with pytest.raises(rioserrors.ParameterError, match=rf"{classes.name}' is .*{words}"):
        rat.setColorTable(classes, rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("band", [0, 5, -1])
def test_a_band_that_is_not_there(classes: Path, band: int) -> None:
    words = rf"{classes.name}' has no band {band}; give one from 1 to 1"
    with pytest.raises(rioserrors.GDALLayerNumberError, match=words):
        colors.getTable(classes, band)
    with pytest.raises(rioserrors.GDALLayerNumberError, match=words):
        colors.setTable(classes, colortable.genTable(5, "Blues"), band)
    with pytest.raises(rioserrors.GDALLayerNumberError, match=words):
        rat.getColorTable(classes, band)
    with pytest.raises(rioserrors.GDALLayerNumberError, match=words):
        rat.setColorTable(classes, [[1, 2, 3, 4]], band)


def test_one_error_for_ramps_that_there_are_not() -> None:
    for make in (lambda: colortable.genTable(5, "blue"), lambda: rat.genColorTable(5, "blue")):
        with pytest.raises(rioserrors.ColorTableGenerationError, match="'blue'; use one of"):
            make()


def test_errors_name_the_file(classes: Path) -> None:
    with pytest.raises(colortable.ColorTableException, match=rf"band 1 of '.*{classes.name}'"):
        colors.setTable(classes, np.full((4, 3), 256))
    with pytest.raises(rioserrors.ArrayShapeError, match=rf"band 1 of '.*{classes.name}'"):
        rat.setColorTable(classes, np.zeros((2, 3)))
