"""Which outputs go to S3."""

from __future__ import annotations

import pytest

from rios_flows.outputs.publishing.remotepaths import is_remote


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("s3://maps/a.tif", True),
        ("/vsis3/maps/a.tif", True),
        ("/vsis3_streaming/maps/a.tif", False),
        ("s3/a.tif", False),
        ("/data/s3://a.tif", False),
        ("https://host/a.tif", False),
    ],
)
def test_paths(path: str, remote: bool) -> None:
    assert is_remote(path) is remote
