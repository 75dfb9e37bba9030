"""GDAL's names of files in archives: the file inside, and the one that holds it."""

from __future__ import annotations

import pytest

from rios_flows.gdal.archives import container_of, inner_of


@pytest.mark.parametrize(
    ("name", "inner", "container"),
    [
        ("/data/a.tif", "/data/a.tif", "/data/a.tif"),
        ("/vsicurl/http://h/a.zip", "/vsicurl/http://h/a.zip", "/vsicurl/http://h/a.zip"),
        ("/vsizip//data/a.zip/b.tif", "/data/a.zip/b.tif", "/data/a.zip"),
        ("/vsizip/{/data/a.zip}/b.tif", "/data/a.zip", "/data/a.zip"),
        ("/vsitar/vsis3/b/a.tar.gz/c.tif", "/vsis3/b/a.tar.gz/c.tif", "/vsis3/b/a.tar.gz"),
        ("/vsigzip//vsicurl/http://h/a.gz", "/vsicurl/http://h/a.gz", "/vsicurl/http://h/a.gz"),
        ("/vsizip//vsizip//data/a.zip/b.zip/c", "/data/a.zip/b.zip/c", "/data/a.zip"),
        # an archive by another name
        ("/vsizip//data/a.bin/c", "/data/a.bin/c", "/data/a.bin/c"),
        ("/vsizip//data/a.zips/c", "/data/a.zips/c", "/data/a.zips/c"),
    ],
)
def test_names(name: str, inner: str, container: str) -> None:
    assert inner_of(name) == inner
    assert container_of(name) == container
