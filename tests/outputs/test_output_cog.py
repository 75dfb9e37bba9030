"""Cloud-optimized GTiffs as outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from rios_flows import rioserrors
from tests.support.copies import Copy
from tests.support.rasters import Array, read_raster
from tests.support.styles import STYLES


def scene(bands: int = 2, dtype: str = "int16") -> Array:
    return np.random.default_rng(5).integers(1, 120, (bands, 1100, 1300)).astype(dtype)


@pytest.fixture
def cog(tmp_path: Path) -> Copy:
    job = Copy(tmp_path, scene())
    job.controls.setWindowSize(256, 256)
    job.controls.setOutputDriverName("cog")
    return job


def test_cog(cog: Copy, tmp_path: Path) -> None:
    cog.controls.setLayerNames(["low", "high"])
    cog.run(STYLES["threads 2-2"])
    valid, errors, warnings = cog_validate(str(cog.path), strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    np.testing.assert_array_equal(read_raster(cog.path), cog.pixels)
    with rasterio.open(cog.path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        assert dataset.overviews(2) == [4, 8]
        assert dataset.descriptions == ("low", "high")
        assert dataset.nodata == 0
        assert "STATISTICS_HISTOBINVALUES" in dataset.tags(2)
    # it is copied with the overviews that were gathered
    np.testing.assert_array_equal(cog.overviews()[0], cog.pixels[:, 2::4, 2::4])
    assert {path.name for path in tmp_path.iterdir()} == {"grid-1100-1300.tif", "out.tif"}


def test_options_of_a_cog(cog: Copy) -> None:
    cog.controls.setCreationOptions(["COMPRESS=ZSTD", "BLOCKSIZE=256"])
    cog.run()
    assert cog_validate(str(cog.path), strict=True)[0]
    with rasterio.open(cog.path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "ZSTD"
        assert dataset.block_shapes[0] == (256, 256)
    cog.controls.setCreationOptions(["TILING_SCHEME=GoogleMapsCompatible"])
    with pytest.raises(rioserrors.ParameterError, match="TILING_SCHEME of output 'result'"):
        cog.run()


@pytest.mark.parametrize(
    ("option", "levels"),
    [
        ("OVERVIEWS=NONE", []),
        ("OVERVIEWS=AUTO", [4, 8]),
        ("OVERVIEW_COUNT=1", [4]),
        ("OVERVIEW_COUNT=0", []),
        # GDAL's own
        ("OVERVIEWS=IGNORE_EXISTING", [2, 4]),
    ],
)
def test_options_for_the_overviews_of_a_cog(cog: Copy, option: str, levels: list[int]) -> None:
    cog.controls.setCreationOptions([option])
    cog.run()
    np.testing.assert_array_equal(read_raster(cog.path), cog.pixels)
    with rasterio.open(cog.path) as dataset:
        assert dataset.overviews(2) == levels


def test_a_cog_without_overviews(cog: Copy) -> None:
    cog.controls.setOmitPyramids(True)
    cog.run()
    assert cog_validate(str(cog.path))[0]
    assert cog.overviews() == []
