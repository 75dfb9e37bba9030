"""Which image workers in AWS have: one that is named, and stays the one it is."""

from __future__ import annotations

import pytest

from rios_flows.doctor.aws import look_at_images
from rios_flows.doctor.findings import Findings

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "state"),
    [
        ("", "bad"),
        (f"{REGISTRY}/rios-flows", "note"),
        (f"{REGISTRY}/rios-flows:latest", "note"),
        (f"{REGISTRY}/rios-flows:0.1.0", "good"),
        (f"{REGISTRY}/rios-flows@sha256:{'0' * 64}", "good"),
        # what stands after the colon here is a port
        ("registry:5000/rios-flows", "note"),
        ("registry:5000/rios-flows:0.1.0", "good"),
    ],
)
def test_an_image(image: str, state: str) -> None:
    found = Findings()
    with found.of("image"):
        look_at_images(found, [image])
    (told,) = list(found)
    assert (told.what, told.state) == ("image", state)
    assert bool(told.remedy) == (state != "good")
