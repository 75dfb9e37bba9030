"""The checksum that is told of an output."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from rios_flows.basics.defaults import CHECKSUMS
from rios_flows.outputs.facts import checksum

PROGRAMS = {"sha256": "sha256sum", "md5": "md5sum", "blake2b": "b2sum"}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_file(tmp_path: Path, algorithm: str) -> None:
    file = tmp_path / "a.tif"
    file.write_bytes(bytes(range(256)) * 5000)
    digest = checksum(file, algorithm)
    assert digest == hashlib.new(algorithm, file.read_bytes()).hexdigest()
    # what everybody has to check it with
    program = shutil.which(PROGRAMS[algorithm])
    if program is not None:
        said = subprocess.run([program, str(file)], capture_output=True, text=True, check=True)
        assert said.stdout.split()[0] == digest


def test_a_directory(tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    (store / "b").mkdir(parents=True)
    for name in ("b/0", "b/1", ".zgroup", "a"):
        (store / name).write_text(name)
    lines = "".join(
        f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n"
        for name in sorted((".zgroup", "a", "b/0", "b/1"))
    )
    assert checksum(store, "sha256") == hashlib.sha256(lines.encode()).hexdigest()
