"""Items and assets of a catalogue as inputs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
import shapely

import rios_flows as rf
from rios_flows import applier, rioserrors
from rios_flows.front.items import assets_of_items
from rios_flows.inputs.held import told_apart
from rios_flows.inputs.stac import chosen_of
from tests.support.held import GRID, NAMES, as_it_is
from tests.support.inputs import UTM
from tests.support.rasters import Array, read_raster
from tests.support.vectors import write_vector


def item_of(folder: Path, pixels: Array) -> pystac.Item:
    item = pystac.Item("S2_7", None, None, datetime(2026, 5, 1), {})
    for number, (key, name) in enumerate([("B02", "blue"), ("B03", "green"), ("B04", "red")]):
        GRID.raster(folder / f"{key}.tif", pixels[number : number + 1], nodata=0)
        asset = pystac.Asset(f"./{key}.tif", media_type=pystac.MediaType.COG, roles=["data"])
        asset.extra_fields["eo:bands"] = [{"name": key, "common_name": name}]
        item.add_asset(key, asset)
    GRID.raster(folder / "all.tif", pixels, nodata=0)
    whole = pystac.Asset("./all.tif", media_type=pystac.MediaType.GEOTIFF)
    whole.extra_fields["bands"] = [{"name": f"sr_{name}"} for name in NAMES]
    item.add_asset("all", whole)
    item.add_asset("thumbnail", pystac.Asset("./t.png", media_type="image/png"))
    item.set_self_href(str(folder / "item.json"))
    return item


@pytest.mark.parametrize(
    ("bands", "places"),
    [(["red", "B02"], [2, 0]), ("green", [1]), (["sr_red", "sr_blue"], [2, 0]), ("sr_green", [1])],
)
def test_an_item_of_a_catalogue(
    bands: Any, places: list[int], tmp_path: Path, pixels: Array
) -> None:
    item, shapes = item_of(tmp_path, pixels), set()

    def look(scene: Any) -> Any:
        shapes.add(scene.ndim)
        return scene

    expected = np.where(pixels == 0, np.nan, pixels)[places]
    for inputs, chosen in (({"scene": item}, {"scene": bands}), (item, bands)):
        rf.apply(look, inputs, tmp_path / "out.tif", bands=chosen)
        np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), expected)
    assert shapes == {2 if isinstance(bands, str) else 3}


def test_assets_of_a_catalogue(tmp_path: Path, pixels: Array) -> None:
    item = item_of(tmp_path, pixels)
    infiles = applier.FilenameAssociations()
    infiles.red = item.assets["B04"]
    files, held = told_apart(infiles)
    assert not held
    assert Path(files.red) == tmp_path / "B04.tif"
    with pytest.raises(rioserrors.ParameterError, match="'B02', 'B03', 'B04', 'all'; give one"):
        rf.apply(as_it_is, item, tmp_path / "out.tif")
    with pytest.raises(rioserrors.ParameterError, match="no band 'gren'; is 'green' meant"):
        rf.apply(as_it_is, {"image": item}, tmp_path / "out.tif", bands={"image": "gren"})


def test_which_files_and_bands_of_an_item(tmp_path: Path, pixels: Array) -> None:
    item = item_of(tmp_path, pixels)
    assert chosen_of(item, ["sr_red", "sr_blue"]) == (item.assets["all"], [3, 1])
    with pytest.raises(rioserrors.ParameterError, match="several files of several bands"):
        chosen_of(item, ["red", "sr_red"])
    # what has no band by name stays as it is
    given = {"scene": item, "dem": "dem.tif"}
    assert assets_of_items(given, {"bands": {"scene": [1]}})[0] == given
    files, options = assets_of_items(given, {"bands": {"scene": "red"}, "overlap": 1})
    assert files == {"scene": item.assets["B04"], "dem": "dem.tif"}
    assert options == {"bands": {"scene": 1}, "overlap": 1}


def test_a_band_of_several_items(tmp_path: Path, pixels: Array) -> None:
    folders = [tmp_path / name for name in ("may", "june")]
    for folder in folders:
        folder.mkdir()
    dates = [item_of(folder, pixels + number) for number, folder in enumerate(folders)]
    expected = np.stack([pixels[2], pixels[2] + 1]).astype("float32")
    expected[expected == 0] = np.nan
    for inputs, chosen in (({"dates": dates}, {"dates": "red"}), (dates, "red")):
        seen: list[Any] = []
        rf.apply(lambda dates, seen=seen: seen.append(dates), inputs, bands=chosen, workers=1,
                 window=500)  # fmt: skip
        np.testing.assert_array_equal(seen[0].filled(np.nan), expected)
    with pytest.raises(rioserrors.ParameterError, match=r"'dates': bands .* are in several files"):
        rf.apply(as_it_is, {"dates": dates}, bands={"dates": ["red", "blue"]})
    del dates[1].assets["B04"]
    dates[1].assets["all"].extra_fields["bands"] = [{"name": "dark"}, {"name": "red"}]
    with pytest.raises(rioserrors.ParameterError, match="other numbers in some of the items"):
        rf.apply(as_it_is, {"dates": dates}, bands={"dates": "red"})


def test_what_has_no_raster(tmp_path: Path, pixels: Array) -> None:
    item = item_of(tmp_path, pixels)
    for key in ("B02", "B03", "B04", "all"):
        del item.assets[key]
    with pytest.raises(rioserrors.ParameterError, match="no raster among its assets, 'thumbnail'"):
        rf.apply(as_it_is, item)
    catalogue: Any = pystac.Catalog("all", "")
    with pytest.raises(rioserrors.ParameterError, match="a Catalog has no pixels of its own"):
        rf.apply(as_it_is, {"image": catalogue})


def seen_of(inputs: Any, **options: Any) -> Any:
    seen: list[Any] = []
    rf.apply(lambda image: seen.append(image), inputs, workers=1, window=500, **options)
    return seen[0].filled(np.nan)


@pytest.mark.parametrize(
    "fields",
    [
        {"raster:bands": [{"scale": 0.5, "offset": -1}]},
        {"bands": [{"name": "B04", "raster:scale": 0.5, "raster:offset": -1}]},
        {"raster:scale": 0.5, "raster:offset": -1.0},
    ],
)
def test_a_scale_that_a_catalogue_tells(
    tmp_path: Path, pixels: Array, fields: dict[str, Any]
) -> None:
    item = item_of(tmp_path, pixels)
    item.assets["B04"].extra_fields.update(fields)
    stored = np.where(pixels[2] == 0, np.nan, pixels[2]).astype("float32")
    for entry, options in (
        ({"image": item}, {"bands": {"image": "B04"}}),
        ({"image": item.assets["B04"]}, {}),
        (item.assets["B04"], {}),
    ):
        with pytest.warns(UserWarning, match="catalogue of .*B04.* by 0.5, and -1 added"):
            found = seen_of(entry, **options)
        np.testing.assert_array_equal(found, stored)
        np.testing.assert_array_equal(seen_of(entry, scaled=False, **options), stored)
        np.testing.assert_array_equal(seen_of(entry, scaled=True, **options), stored * 0.5 - 1)
    # several dates, of which each has its own
    dates = [item.assets["B04"], item.assets["B03"]]
    found = seen_of({"image": dates}, scaled=True)
    np.testing.assert_array_equal(found[0], stored * 0.5 - 1)
    np.testing.assert_array_equal(found[1], np.where(pixels[1] == 0, np.nan, pixels[1]))
    # the layer's table is of scaled values, too
    layer = write_vector(tmp_path / "zone.gpkg", [shapely.box(3e5, 59e5, 31e4, 61e5)], UTM)
    table = rf.zonal(item, layer, band="B04", stats="sum", scaled=True)
    assert table["sum"].item() == pytest.approx(np.nansum(stored * 0.5 - 1))


def test_which_scale_counts(tmp_path: Path, pixels: Array) -> None:
    item = item_of(tmp_path, pixels)
    asset = item.assets["B04"]
    asset.extra_fields["raster:bands"] = [{"scale": 0.5, "offset": -1}]
    stored = np.where(pixels[2] == 0, np.nan, pixels[2]).astype("float32")
    # an offset that is in the pixels already
    item.properties["earthsearch:boa_offset_applied"] = True
    np.testing.assert_array_equal(seen_of(asset, scaled=True), stored * 0.5)
    # the file is nearer to its pixels
    with rasterio.open(tmp_path / "B04.tif", "r+") as dataset:
        dataset.scales, dataset.offsets = (2.0,), (0.0,)
    with pytest.warns(UserWarning, match="scale of 2 .* catalogue 0.5 .*: what the file tells"):
        found = seen_of(asset, scaled=True)
    np.testing.assert_array_equal(found, stored * 2)


def test_a_catalogue_that_does_not_fit(tmp_path: Path, pixels: Array) -> None:
    whole = item_of(tmp_path, pixels).assets["all"]
    whole.extra_fields["raster:bands"] = [{"scale": number} for number in (1, 2)]
    whole.extra_fields["bands"] = []
    with pytest.raises(
        rioserrors.ParameterError, match=r"of 2 bands, and .* has 3: .*scaled=False"
    ):
        seen_of(whole, scaled=True)
    whole.extra_fields["raster:bands"] = [{"scale": number} for number in (1, 2, 3)]
    found = seen_of(whole, scaled=True, bands=[3, 1])
    expected = np.where(pixels == 0, np.nan, pixels)[[2, 0]] * np.array([3, 1]).reshape(2, 1, 1)
    np.testing.assert_array_equal(found, expected)
    whole.extra_fields["raster:bands"][0]["scale"] = "much"
    with pytest.raises(rioserrors.ParameterError, match=r"input 'image': .* that is no number"):
        seen_of({"image": whole})


@pytest.mark.parametrize("told", [7, "7"])
def test_a_nodata_value_that_only_a_catalogue_tells(
    tmp_path: Path, pixels: Array, told: Any
) -> None:
    item = item_of(tmp_path, pixels)
    pixels[1, 3:5] = 7
    GRID.raster(tmp_path / "B03.tif", pixels[1:2])
    for key in ("B03", "B04"):
        item.assets[key].extra_fields["raster:bands"] = [{"nodata": told}]
    # the file says 0
    expected = np.where(pixels[2] == 0, np.nan, pixels[2])
    np.testing.assert_array_equal(seen_of(item.assets["B04"]), expected)
    expected = np.where(pixels[1] == 7, np.nan, pixels[1])
    np.testing.assert_array_equal(seen_of(item.assets["B03"]), expected)
    expected = np.where(pixels[1] == 5, np.nan, pixels[1])
    np.testing.assert_array_equal(seen_of(item.assets["B03"], input_nodata=5), expected)
