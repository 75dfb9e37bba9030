"""Scale, offset and nodata values of bands: those of the file, or those that a catalogue tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.controls.options import InputOptions
from rios_flows.inputs.scaling import scaling_of, with_told
from tests.support.rasters import write_raster


@pytest.mark.parametrize(
    ("own", "told", "bands", "expected"),
    [
        (None, ((0.5, 1),), [1, 2], ((0.5, 1), (0.5, 1))),
        (None, ((0.5, 1), (1, 0)), [2, 1], ((1, 0), (0.5, 1))),
        # those that are read have none
        (None, ((0.5, 1), (1, 0)), [2], ()),
        ((2.0, 2.0), (), [1], ((2, 0),)),
        ((2.0, 2.0), ((2, 0),), [1], ((2, 0),)),
        (None, (), [1, 2], ()),
    ],
)
def test_which_scale_counts(
    tmp_path: Path, own: Any, told: Any, bands: list[int], expected: Any
) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((2, 3, 4), "uint8"))
    if own is not None:
        with rasterio.open(path, "r+") as dataset:
            dataset.scales = own
    with rasterio.open(path) as dataset:
        options = InputOptions(scaled=True, told_scaling=told)
        assert scaling_of(dataset, bands, options, "it") == expected
        wrong = InputOptions(scaled=True, told_scaling=((1, 1),) * 3)
        with pytest.raises(rioserrors.ParameterError, match="of 3 bands, and it has 2"):
            scaling_of(dataset, bands, wrong, "it")


def test_nodata_values_where_the_file_tells_none() -> None:
    assert with_told([None, 3], [7]) == [7, 3]
    assert with_told([None, None], [7, None]) == [7, None]
    # which is which is not known
    assert with_told([None, None], [7, 8, 9]) == [None, None]
