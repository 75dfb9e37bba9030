"""Side-car files and the text of tables, by themselves."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from rios_flows import rat
from rios_flows.files import sidecar, tablexml
from rios_flows.gdal.tables import copied
from rios_flows.gdal.tabletypes import Binning, Column, ColumnType, ColumnUsage
from tests.support.rasters import coordinates, write_raster

TABLE = '<GDALRasterAttributeTable tableType="thematic"><FieldDefn index="0"/> &amp; </GDAL...>'
OLD = """<PAMDataset>
  <PAMRasterBand band="2"><GDALRasterAttributeTable a=">"> &lt;x </GDALRasterAttributeTable>
  </PAMRasterBand>
</PAMDataset>"""


def test_tables_of_other_bands_pass_untouched(tmp_path: Path) -> None:
    name = str(tmp_path / "a.aux.xml")
    Path(name).write_text(OLD)

    def change(root: ElementTree.Element) -> None:
        sidecar.add_table(sidecar.band_of(root, 1))
        sidecar.band_of(root, 2).set("seen", "yes")

    assert sidecar.changed(name, change, ["<GDALRasterAttributeTable>", TABLE, "</G>"]) == OLD
    text = sidecar.old_text(name)
    assert '<GDALRasterAttributeTable a=">"> &lt;x </GDALRasterAttributeTable>' in text
    assert f'<PAMRasterBand band="1">\n    <GDALRasterAttributeTable>{TABLE}</G>' in text
    assert '<PAMRasterBand band="2" seen="yes">' in text
    sidecar.put_back(name, OLD)
    assert Path(name).read_text() == OLD
    sidecar.put_back(name, "")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("old", [b"<PAMDataset>", b"\xff<PAMDataset/>"])
def test_one_that_is_not_whole_stays(tmp_path: Path, old: bytes) -> None:
    name = tmp_path / "a.aux.xml"
    name.write_bytes(old)
    with pytest.raises(sidecar.NotWholeError, match=r"'a.aux.xml' is not whole"):
        sidecar.changed(str(name), lambda root: None)
    assert name.read_bytes() == old


def test_what_the_rows_of_a_table_are_for() -> None:
    with copied(None) as table:
        before = table.binning
        assert before is None
        table.create(Column("a", ColumnType.Real, ColumnUsage.Generic))
        table.set_rows(2)
        table.write(0, 0, np.array([0.1, 1e300]))
        table.set_binning(Binning(-2.5, 0.5))
        assert table.binning == (-2.5, 0.5)
        root = ElementTree.fromstring("".join(tablexml.written(table)))
    assert root.attrib == {"tableType": "thematic", "Row0Min": "-2.5", "BinSize": "0.5"}
    assert [cell.text for cell in root.iter("F")] == ["0.1", "1e+300"]


def test_it_stays_when_a_column_is_written(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 9, 9, "uint16"))
    rat.writeColumn(path, "a", [1, 2])
    beside = tmp_path / "a.tif.aux.xml"
    text = beside.read_text().replace('="thematic"', '="athematic" Row0Min="4" BinSize="2"')
    beside.write_text(text)
    rat.writeColumn(path, "b", [3, 4])
    found = ElementTree.fromstring(beside.read_text()).find(".//GDALRasterAttributeTable")
    assert found is not None
    kept = {"tableType": "athematic", "Row0Min": "4.0", "BinSize": "2.0"}
    assert found.attrib == kept


ARCGIS = """<!-- made by hand -->
<PAMDataset>
  <!-- a comment -->
  <Metadata domain="xml:ESRI" format="xml">
    <GeodataXform xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:typens="http://www.esri.com/schemas/ArcGIS/10.3" xsi:type="typens:PolynomialXform">
      <PolynomialOrder>1</PolynomialOrder>
    </GeodataXform>
  </Metadata>
  <t:Own xmlns:t="urn:t" xml:lang="en" t:a="1">  kept  </t:Own>
</PAMDataset>
"""


def test_names_and_comments_of_others_stay(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 9, 9, "uint16"))
    beside = tmp_path / "a.tif.aux.xml"
    beside.write_text(ARCGIS)
    rat.writeColumn(path, "a", [1, 2])
    text = beside.read_text()
    for line in ARCGIS.splitlines()[2:-1]:
        assert line.strip() in text
    assert "ns0" not in text
    assert rat.readColumn(path, "a").tolist() == [1, 2]
    # a second time, too
    rat.writeColumn(path, "a", [1, 3])
    assert beside.read_text() == text.replace("<F>2</F>", "<F>3</F>")
