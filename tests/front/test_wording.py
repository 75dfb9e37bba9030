"""Messages call options what the user called them, and name no setter of RIOS."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.transform import from_origin

import rios_flows as rf
from rios_flows import rioserrors
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.options import CONTROLS
from rios_flows.front.wording import in_plain_words, plain_names
from tests.support.rasters import write_raster
from tests.support.vectors import write_vector

SETTER = re.compile(r"(?<!method )\b(set|select)[A-Z]\w+")
PIXELS = np.ones((20, 20), "uint8")
PLACE = from_origin(0, 20, 1, 1)
#: A value that no option takes.
NONSENSE = object()


def image(array: Any = PIXELS, **more: Any) -> Any:
    return rf.Raster(array, PLACE, "EPSG:32755", **more)


def same(image: Any) -> Any:
    return image


def only(name: str, value: Any) -> Any:
    return {name: value}


def check(error: BaseException, name: str) -> None:
    text = str(error)
    assert not SETTER.search(text), text
    # the first name of an option in the message
    named = re.search(rf"\b({'|'.join(sorted(plain_names(), key=len, reverse=True))})\b", text)
    assert named is not None, text
    assert named[1] == name, text


@pytest.mark.parametrize("name", sorted(plain_names()))
def test_every_option_refuses_nonsense_by_its_own_name(name: str) -> None:
    with pytest.raises(rioserrors.ParameterError) as caught:
        rf.apply(same, image(), None, **only(name, NONSENSE))
    check(caught.value, name)
    if plain_names()[name].per_image:
        with pytest.raises(rioserrors.ParameterError) as caught:
            rf.apply(same, image(), None, **only(name, {"nobody": 1}))
        assert str(caught.value).startswith(f"{name}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bands", [7]),
        ("bands", "nir"),
        ("input_nodata", 300),
        ("input_nodata", [1, 2]),
        ("like", "missing.tif"),
        ("files_for_extent", ["missing.tif"]),
        ("area", "missing.gpkg"),
        ("bounds", (5000, 5000, 6000, 6000)),
        ("resume", True),
        ("records_file", "missing/records.json"),
        ("driver", "nonsense"),
        ("creation_options", ["COMPRESS=nonsense"]),
        ("creation_options", ["nonsense"]),
        ("overview_resampling", "AVERAGE_MAGPHASE"),
        ("where", "x > 1"),
        ("burn_attribute", "missing"),
        ("burn_value", 300),
    ],
)
def test_what_only_the_run_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    given: Any = image()
    if name in ("where", "burn_attribute", "burn_value"):
        layer = write_vector(tmp_path / "layer.gpkg", [shapely.box(0, 0, 9, 9)])
        like = write_raster(tmp_path / "like.tif", PIXELS[np.newaxis])
        given = {"image": layer, "like": like}
    function = same if name not in ("where", "burn_attribute", "burn_value") else _first
    with pytest.raises(rioserrors.RiosError) as caught:
        rf.apply(function, given, "out.tif", **only(name, value))
    check(caught.value, name)


def _first(image: Any, like: Any) -> Any:
    return image


def test_log_lines_and_causes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    rf.apply(same, image(), tmp_path / "out.tif", nodata=-9999, dtype=None)
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("nodata: ")
    assert "{'out': ...} is for a value of its own" in line
    with pytest.raises(rioserrors.RiosError) as caught:
        rf.apply(lambda image: np.ma.masked_equal(image, 1), image(), tmp_path / "out.tif",
                 dtype=None)  # fmt: skip
    assert "give nodata= with a value" in str(caught.value)
    # RIOS's form keeps its words
    from rios_flows import applier, engine

    caplog.clear()
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.image, outfiles.out = image(), str(tmp_path / "out.tif")
    controls = applier.ApplierControls()
    controls.setStatsIgnore(-9999)

    def user(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.out = inputs.image

    engine.apply(user, infiles, outfiles, controls=controls)
    assert caplog.records[0].getMessage().startswith("setStatsIgnore: ")


@pytest.mark.parametrize("kind", ["CW_THREADS", "CW_SUBPROC"])
def test_log_lines_of_workers(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    def function(image: Any) -> Any:
        # a module of ours that only some runs import
        logging.getLogger("rios_flows.never").warning("choose a smaller setWindowSize: %d", 1)
        return image

    caplog.set_level(logging.WARNING)
    style = ConcurrencyStyle(numReadWorkers=1, numComputeWorkers=1, computeWorkerKind=kind)
    rf.apply(function, image(), tmp_path / "out.tif", workers=style)
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if line.endswith("choose a smaller window: 1")]
    assert not [line for line in lines if "setWindowSize" in line]


def test_threads_see_what_the_caller_sees(tmp_path: Path) -> None:
    style = ConcurrencyStyle(numReadWorkers=1, numComputeWorkers=2, computeWorkerKind="CW_THREADS")
    seen = []
    with np.errstate(divide="raise"):
        rf.apply(lambda image: seen.append(np.geterr()["divide"]), image(), workers=style)
    assert set(seen) == {"raise"}


def test_words() -> None:
    assert in_plain_words("call setReferenceImage, or setOmitPyramids(True)") == (
        "give like=, or omit_pyramids=True"
    )
    assert in_plain_words("setResume: otherArgs (setWindowSize)") == "resume: state (window=)"
    assert in_plain_words("an object with a method setProgress(percent); setNothing") == (
        "an object with a method setProgress(percent); setNothing"
    )
    for each in CONTROLS.values():
        assert not SETTER.search(in_plain_words(f"{each.setter}: {each.setter}(1), {each.setter}"))


def test_zones(tmp_path: Path) -> None:
    layer = write_vector(tmp_path / "layer.gpkg", [shapely.box(0, 0, 9, 9)])
    with pytest.raises(rioserrors.RiosError, match=r"^where: "):
        rf.zonal(image(), layer, where="x > 1")
