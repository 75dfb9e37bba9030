"""An output that is replaced is for whom it was before, and nobody is locked out."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.controls.options import InputOptions, Options, VectorOptions
from rios_flows.inputs.sources import open_source
from rios_flows.inputs.vectors import open_vector
from rios_flows.outputs.publishing.permissions import keep_permissions
from rios_flows.outputs.targets import plan_targets
from rios_flows.structures import FilenameAssociations
from tests.support.copies import Copy
from tests.support.jobs import SmallJob
from tests.support.users import STRANGER, as_stranger, is_root, said_to_stranger

ACL = "system.posix_acl_access"


def access_list(owner: int, named: int, group: int, mask: int, others: int) -> bytes:
    """Return an access list with one named user, as the kernel keeps it."""
    nobody = 0xFFFFFFFF
    entries = [
        (0x01, owner, nobody),
        (0x02, named, STRANGER),
        (0x04, group, nobody),
        (0x10, mask, nobody),
        (0x20, others, nobody),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path)


@pytest.mark.parametrize("wanted", [0o600, 0o640, 0o664, 0o444])
def test_the_mode_of_a_file_and_of_those_beside_it(job: SmallJob, wanted: int) -> None:
    out, beside = job.folder / "out.tif", job.folder / "out.tif.aux.xml"
    out.chmod(wanted)
    job.controls.setDefaultHistogram(True)
    job.run()
    assert (mode(out), mode(beside)) == (wanted, wanted)
    # each its own
    beside.chmod(0o660)
    job.run()
    assert (mode(out), mode(beside)) == (wanted, 0o660)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


@pytest.mark.parametrize("driver", ["HFA", "COG", "GTiff"])
def test_the_mode_whatever_the_driver(job: SmallJob, driver: str) -> None:
    (job.folder / "out.tif").chmod(0o600)
    job.controls.setOutputDriverName(driver)
    job.run()
    assert mode(job.folder / "out.tif") == 0o600


def test_new_files_are_as_new_files_are(job: SmallJob) -> None:
    (job.folder / "out.tif").unlink()
    before = os.umask(0o027)
    try:
        job.run()
    finally:
        os.umask(before)
    assert mode(job.folder / "out.tif") == 0o640


def test_the_mode_of_a_store(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.ones((1, 70, 70), "uint8"), "out.zarr")
    job.run()
    job.path.chmod(0o2770)
    job.run()
    assert mode(job.path) == 0o2770


def test_the_group_of_the_directory(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    group = STRANGER if is_root() else os.getegid()
    os.chown(folder, -1, group)
    folder.chmod(0o2775)
    job = Copy(folder, np.ones((1, 70, 70), "uint8"))
    job.run()
    assert job.path.stat().st_gid == group


def test_the_access_list(job: SmallJob) -> None:
    out = job.folder / "out.tif"
    acl = access_list(6, 4, 4, 4, 0)
    os.setxattr(out, ACL, acl)
    job.run()
    assert os.getxattr(out, ACL) == acl
    assert mode(out) == 0o640
    # one that all new files of the directory get is not for a file that has had none
    os.removexattr(out, ACL)
    out.chmod(0o640)
    os.setxattr(job.folder, "system.posix_acl_default", access_list(7, 4, 4, 4, 0))
    job.run()
    assert ACL not in os.listxattr(out)
    out.unlink()
    job.run()
    assert os.getxattr(out, ACL) == acl


def test_the_owner_where_that_can_be(job: SmallJob) -> None:
    out = job.folder / "out.tif"
    owner = (STRANGER, STRANGER + 1) if is_root() else (os.geteuid(), os.getegid())
    os.chown(out, *owner)
    job.run()
    assert (out.stat().st_uid, out.stat().st_gid) == owner


@pytest.mark.parametrize(
    ("group_too", "wanted"), [(False, 0o640), (True, 0o600)], ids=["the owner", "the group too"]
)
def test_the_owner_where_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_too: bool, wanted: int
) -> None:
    # another group is not to read what the old one might
    given = []

    def chown(path: Path, owner: int, group: int) -> None:
        given.append((owner, group))
        if owner >= 0 or group_too:
            raise PermissionError

    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.touch()
    os.setxattr(old, ACL, access_list(6, 4, 4, 4, 0))
    real = os.lstat

    def lstat(path: Path) -> Any:
        found = real(path)
        return os.stat_result((*found[:4], 1234, 5678, *found[6:])) if path == old else found

    monkeypatch.setattr(os, "lstat", lstat)
    monkeypatch.setattr(os, "chown", chown)
    keep_permissions(old, new)
    assert given == [(1234, 5678), (-1, 5678)]
    assert mode(new) == wanted
    assert (ACL in os.listxattr(new)) == (not group_too)


def test_what_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def refuses(*arguments: Any, **named: Any) -> None:
        raise PermissionError("not here")

    old, new = tmp_path / "old", tmp_path / "new"
    keep_permissions(old, new)
    new.touch()
    keep_permissions(old, new)
    old.touch()
    os.setxattr(old, ACL, access_list(6, 4, 4, 4, 0))
    for name in ("chmod", "setxattr"):
        monkeypatch.setattr(os, name, refuses)
    keep_permissions(old, new)
    assert "'old' does not keep its mode 640: not here" in caplog.text
    assert "'new' does not keep its access list: not here" in caplog.text


def test_a_link_has_no_mode_to_keep(tmp_path: Path) -> None:
    old, new, other = tmp_path / "old", tmp_path / "new", tmp_path / "other"
    other.touch(0o666)
    other.chmod(0o666)
    old.symlink_to(other)
    new.touch(0o600)
    keep_permissions(old, new)
    assert mode(new) == 0o600


def test_nobody_is_locked_out_by_a_killed_run_of_another(job: SmallJob) -> None:
    job.folder.chmod(0o2777)
    hidden = job.folder / ".out.tif.rios_flows"
    left = f"mkdir {hidden.name} {hidden.name}/new; echo > {hidden.name}/lock"
    assert as_stranger(job.folder, left) == 0
    before = job.files()
    with pytest.raises(rioserrors.ImageOpenError) as caught:
        job.run()
    assert job.files() == before
    who = f"belongs to the user {STRANGER} (changed " if is_root() else "others may write to it"
    assert who in str(caught.value)
    told = f"'{hidden}', in which it is to grow"
    assert told in str(caught.value)
    assert "if no run for this output goes on, remove or rename it" in str(caught.value)
    # who may write to the directory may do that, be it not their own
    hidden.rename(job.folder / "left")
    job.run()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "closed"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.tif").touch()
    tmp_path.chmod(0o755)
    folder.chmod(0o000)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize("kind", ["raster", "vector", "output"])
def test_what_this_user_may_not_look_into(closed: Path, kind: str) -> None:
    # no "no such file": that would have been looked for in vain
    path = str(closed / "inner" / "a.tif")

    def find() -> None:
        if kind == "raster":
            open_source(("image", None), path, InputOptions())
        elif kind == "vector":
            open_vector(("image", None), path, VectorOptions())
        else:
            outfiles = FilenameAssociations()
            outfiles.image = path
            plan_targets(outfiles, Options(), (10, 10))

    said = said_to_stranger(find)
    assert said.startswith("Unable to ")
    assert f"'{path}'" in said
    found = said.rpartition("may not look into the directory '")[2].removesuffix("'")
    # as root it may be one further up, that pytest has made
    assert found == str(closed) or (is_root() and str(closed).startswith(found))


@pytest.mark.parametrize("sticky", [True, False])
def test_a_file_that_only_its_owner_may_replace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sticky: bool
) -> None:
    (tmp_path / "all").mkdir()
    path = tmp_path / "all" / "out.tif"
    path.write_text("of this user")
    (tmp_path / "all").chmod(0o1777 if sticky else 0o777)
    outfiles = FilenameAssociations()
    outfiles.image = path
    plan_targets(outfiles, Options(), (10, 10))
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    if not sticky:
        plan_targets(outfiles, Options(), (10, 10))
        return
    with pytest.raises(rioserrors.ImageOpenError, match=r"it belongs to .*, who alone may replace"):
        plan_targets(outfiles, Options(), (10, 10))
    outfiles.image = path.with_name("new.tif")
    plan_targets(outfiles, Options(), (10, 10))
