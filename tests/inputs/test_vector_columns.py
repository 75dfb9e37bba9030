"""Only what is asked for is read of a layer; text that cannot be decoded is told exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely

from rios_flows import rioserrors
from rios_flows.inputs.vectorcolumns import needed_columns, read_columns
from tests.support.burnt import Reader, polygon, source_of
from tests.support.vectors import write_vector

SHAPES = [polygon((10 * n, 0), (10 * n + 10, 0), (10 * n + 10, 10), (10 * n, 10)) for n in range(5)]

LATIN = b"\xc4rger "


def undecodable(folder: Path, suffix: str, number: int = 3) -> str:
    """A layer with a Latin-1 text in the column ``name`` of one feature, which says it is UTF-8."""
    names = np.array(["Wald", "Feld", "See", "Moor", "Heide"], dtype=object)
    names[number] = "A?rger"
    columns: dict[str, Any] = {"name": names, "Code": [1, 2, 3, 4, 5], "kind": list("abcab")}
    path = Path(write_vector(folder / f"zones.{suffix}", SHAPES, **columns))
    table = path.with_suffix(".dbf") if suffix == "shp" else path
    content = table.read_bytes()
    assert content.count(b"A?rger") == 1
    table.write_bytes(content.replace(b"A?rger", LATIN))
    if suffix == "shp":
        path.with_suffix(".cpg").write_text("UTF-8")
    return str(path)


@pytest.mark.parametrize("suffix", ["shp", "gpkg", "fgb", "geojson"])
def test_text_that_nobody_asks_for_does_no_harm(tmp_path: Path, read: Reader, suffix: str) -> None:
    path = undecodable(tmp_path, suffix)
    for where, expected in [
        (None, [1, 2, 3, 4, 5]),
        ("CODE > 2", [3, 4, 5]),
        ("\"code\" > 2 AND kind = 'a'", [4]),
        ("kind <> 'name'", [1, 2, 3, 4, 5]),
    ]:
        found = read(path, burn_attribute="Code", where=where)
        assert np.unique(found[found > 0]).tolist() == expected
        assert (read(path, where=where) == (found > 0)).all()


@pytest.mark.parametrize("suffix", ["shp", "geojson"])
@pytest.mark.parametrize("number", [0, 3, 4])
def test_text_that_is_asked_for_is_told_exactly(
    tmp_path: Path, read: Reader, suffix: str, number: int
) -> None:
    path = undecodable(tmp_path, suffix, number)
    with pytest.raises(rioserrors.VectorAttributeError) as caught:
        read(path, where="kind <> 'x' AND name <> 'x'")
    told = str(caught.value)
    for part in (f"feature {number} ", "'name'", "layer 'zones'", f"'{path}'", "utf-8", "xc4rger"):
        assert part in told
    assert "WHERE" not in told


def test_names_of_columns_that_cannot_be_decoded(tmp_path: Path, read: Reader) -> None:
    path = Path(write_vector(tmp_path / "zones.shp", SHAPES, HO_HE=[1, 2, 3, 4, 5]))
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b"HO_HE", b"H\xd6HE\x00"))
    path.with_suffix(".cpg").write_text("UTF-8")
    with pytest.raises(rioserrors.VectorAttributeError, match=r"zones\.shp.*utf-8.*xd6"):
        read(str(path))


@pytest.mark.parametrize(
    ("where", "needed"),
    [
        (None, []),
        ("height > 10", ["height"]),
        ("HEIGHT>10 and Two.Name='x'", ["height", "name"]),
        ('"two words" LIKE \'name "height"\'', ["two words"]),
        ("kind = 'it''s a name' OR kind = 'a \\' name'", ["kind"]),
        ('"in ""quotes""" = 1', ['in "quotes"']),
        ('"in \\"quotes\\"" = 1', ['in "quotes"']),
        ("heights > 10 OR xname = 1", []),
        ("größe > 1", ["Größe"]),
        ("kind = 'a name that does not end", ["name", "kind"]),
    ],
)
def test_columns_of_a_filter(where: str | None, needed: list[str]) -> None:
    columns = ["height", "name", "kind", "two words", 'in "quotes"', "Größe", "other"]
    assert list(needed_columns(columns, None, where)) == needed
    assert set(needed_columns(columns, "other", where)) == {*needed, "other"}


def test_no_other_column_is_read(
    tmp_path: Path, read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns: dict[str, Any] = {name: [1, 2, 3, 4, 5] for name in ("code", "kind", "other")}
    path = write_vector(tmp_path / "zones.fgb", SHAPES, **columns)
    asked = []

    def spy(what: str, path: str, layer: str, columns: tuple[str, ...], **how: Any) -> Any:
        asked.append(columns)
        return read_columns(what, path, layer, columns, **how)

    for module in ("features", "vectors"):
        monkeypatch.setattr(f"rios_flows.inputs.{module}.read_columns", spy)
    read(path, where="kind > 1", burn_attribute="code")
    assert asked == [("code", "kind")] * 2
    assert source_of(path).columns == ()


@pytest.mark.filterwarnings("ignore:Non closed ring")
def test_a_broken_geometry_is_named(tmp_path: Path, read: Reader) -> None:
    # a ring whose first vertex is no number, which closes with nothing
    wkb = bytearray(shapely.to_wkb(SHAPES[1]))
    wkb[13:21] = np.float64("nan").tobytes()
    path = tmp_path / "zones.fgb"
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(SHAPES[0]), bytes(wkb)], dtype=object),
        [np.array([1, 2])],
        ["code"],
        geometry_type="Polygon",
        crs="EPSG:32755",
        SPATIAL_INDEX="NO",
    )
    with pytest.raises(rioserrors.VectorGeometryTypeError, match=r"Feature 1 of layer 'zones'"):
        read(str(path))
    assert read(str(path), where="code = 1").sum() == 100
