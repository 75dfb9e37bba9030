"""What others do in a directory that they may write to, too, harms nothing that is not there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.outputs.publishing import directories
from rios_flows.outputs.publishing.directories import Directory, distrusted, with_names
from rios_flows.outputs.publishing.staging import BesidePlace
from tests.support.jobs import SmallJob, double
from tests.support.users import STRANGER, as_stranger, is_root

HIDDEN = ".out.tif.rios_flows"

#: How a directory of a stranger is refused; where there is none, it is one that is open to all.
STRANGE = f"belongs to the user {STRANGER}" if is_root() else "others may write to it"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory of this user alone, with what is dear to them."""
    home = tmp_path / "home"
    (home / "photos").mkdir(parents=True)
    (home / ".profile").write_text("of the victim")
    (home / "photos" / "1.jpg").write_text("of the victim")
    home.chmod(0o700)
    return home


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    return SmallJob(folder)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


ATTACKS = {
    "a link to home": ("ln -s {home} {hidden}", "is a link"),
    "a link for the lock": ("mkdir {hidden}; ln -s {home}/.profile {hidden}/lock", STRANGE),
    "a link for the claim": ("mkdir {hidden}; ln -s {home}/.profile {hidden}/owner", STRANGE),
    "a link for what is new": ("mkdir {hidden}; ln -s {home} {hidden}/new", STRANGE),
    "a pipe": ("mkfifo {hidden}", "no directory"),
    "closed to all": ("mkdir {hidden}; mkdir {hidden}/new; chmod 1777 {hidden}", STRANGE),
    "a journal": (
        "mkdir -p {hidden}/old {hidden}/new; echo 'rm -r' > {hidden}/old/x; echo '"
        '{{"new": {{"../home/.profile": [{inode}, {time}]}}, "old": ["../home/.profile"]}}'
        "' > {hidden}/publishing",
        STRANGE,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("resume", [False, True])
def test_what_a_stranger_has_planted(job: SmallJob, home: Path, attack: str, resume: bool) -> None:
    script, why = ATTACKS[attack]
    found = os.lstat(home / ".profile")
    names = {"home": home, "hidden": HIDDEN, "inode": found.st_ino, "time": found.st_mtime_ns}
    assert as_stranger(job.folder, script.format(**names)) == 0
    before = content(home), content(job.folder)
    job.controls.setResume(resume)
    with pytest.raises(rioserrors.ImageOpenError) as caught:
        job.run()
    message = str(caught.value)
    assert message.startswith(f"Unable to create '{job.folder}/out.tif' (output 'result'): ")
    # which one to remove
    assert f"'{job.folder}/{HIDDEN}'" in message
    assert why in message
    assert (content(home), content(job.folder)) == before
    # as the message says, which a stranger may do as well
    os.rename(job.folder / HIDDEN, job.folder / "aside")
    job.run()
    assert content(home) == before[0]


@pytest.mark.parametrize("moment", ["before it is made", "while it grows"])
def test_another_directory_takes_its_place(
    job: SmallJob, home: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    victim = home / "out.tif"
    victim.write_text("of the victim")
    swap = f"mv {HIDDEN} gone; mkdir -p {HIDDEN}/new; ln -s {victim} {HIDDEN}/new/out.tif"
    before = content(home)
    done: list[int] = []

    def swapping(info: Any, inputs: Any, outputs: Any) -> None:
        if len(done) == 0 and (moment == "before it is made" or not info.isFirstBlock()):
            done.append(as_stranger(job.folder, swap))
        double(info, inputs, outputs)

    with pytest.raises(rioserrors.ImageWriteError, match=r"another run has taken '.*' over"):
        job.run(swapping)
    assert done == [0]
    assert content(home) == before
    assert (job.folder / "out.tif").read_bytes() == job.before["out.tif"]
    assert list((job.folder / "gone").iterdir()) == []


def test_the_directory_of_the_output_is_moved_away(job: SmallJob, tmp_path: Path) -> None:
    def moving(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isLastBlock():
            job.folder.rename(tmp_path / "moved")
        double(info, inputs, outputs)

    with pytest.raises(rioserrors.ImageWriteError, match=r"directory '.*shared' was moved away"):
        job.run(moving)
    names = {path.name for path in (tmp_path / "moved").iterdir()}
    assert names == {"in.tif", "out.tif"}
    assert (tmp_path / "moved" / "out.tif").read_bytes() == job.before["out.tif"]


def test_nobody_else_sees_pixels_before_they_are_published(job: SmallJob) -> None:
    seen: list[tuple[int, int]] = []

    def looking(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        if info.isLastBlock():
            mode = stat.S_IMODE(os.stat(job.folder / HIDDEN).st_mode)
            seen.append((mode & 0o777, as_stranger(job.folder, f"cat {HIDDEN}/new/out.tif >&-")))

    job.run(looking)
    [(mode, status)] = seen
    assert mode == 0o700
    assert status != 0


def test_a_directory_of_this_user_that_a_stranger_has_renamed(job: SmallJob, home: Path) -> None:
    shutil.copytree(home / "photos", job.folder / "photos")
    assert as_stranger(job.folder, f"mv photos {HIDDEN}") == 0
    with pytest.raises(rioserrors.ImageOpenError, match="holds files of other programs"):
        job.run()
    assert (job.folder / HIDDEN / "1.jpg").exists()


def test_a_directory_of_this_user_that_others_could_write_to(job: SmallJob, home: Path) -> None:
    (job.folder / HIDDEN).mkdir()
    (job.folder / HIDDEN).chmod(0o770)
    (job.folder / HIDDEN / "old").symlink_to(home)
    with pytest.raises(rioserrors.ImageOpenError, match="others may write to it"):
        job.run()
    assert (home / ".profile").exists()


@pytest.mark.parametrize(
    ("names", "mode", "why"),
    [
        (["../home/.profile"], 0o600, r"it names '\.\./home/\.profile'"),
        (["/etc/passwd"], 0o600, "it names '/etc/passwd'"),
        ([".."], 0o600, r"it names '\.\.'"),
        (["out.tif"], 0o620, "not a file of this user alone"),
        (["out.tif"], 0o602, "not a file of this user alone"),
    ],
)
def test_a_journal_that_others_may_have_written(
    job: SmallJob, home: Path, names: list[str], mode: int, why: str
) -> None:
    hidden = job.folder / HIDDEN
    (hidden / "old").mkdir(parents=True)
    hidden.chmod(0o700)
    for name in ("new", "old"):
        words: dict[str, Any] = {"new": {}, "old": []}
        words[name] = names if name == "old" else dict.fromkeys(names, (1, 1))
        (hidden / "publishing").write_text(json.dumps(words))
        (hidden / "publishing").chmod(mode)
        before = content(job.folder.parent)
        with pytest.raises(rioserrors.ImageOpenError, match=why) as caught:
            job.run()
        assert f"'{hidden}/publishing' cannot be trusted" in str(caught.value)
        assert content(job.folder.parent) == before


@pytest.mark.parametrize("name", ["lock", "owner", "publishing"])
def test_links_in_a_directory_of_this_user(
    job: SmallJob, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == "owner":
        monkeypatch.setattr("rios_flows.outputs.publishing.locks.KernelLock", no_kernel_lock)
        monkeypatch.setattr("rios_flows.outputs.publishing.locks.SILENCE", -1.0)
    (job.folder / HIDDEN).mkdir(0o700)
    (job.folder / HIDDEN / name).symlink_to(home / ".profile")
    with pytest.raises(rioserrors.ImageOpenError):
        job.run()
    assert (home / ".profile").read_text() == "of the victim"


def no_kernel_lock(folder: Path) -> None:
    raise OSError(38, "Function not implemented")


def status(uid: int, mode: int) -> Any:
    return SimpleNamespace(st_uid=uid, st_mode=mode)


def test_who_is_trusted(tmp_path: Path) -> None:
    me = os.geteuid()
    assert distrusted(status(me, 0o755), tmp_path) is None
    assert distrusted(status(me, 0o775), tmp_path) == "others may write to it"
    assert distrusted(status(me, 0o702), tmp_path) == "others may write to it"
    assert distrusted(status(me + 4321, 0o700), tmp_path) == f"it belongs to the user {me + 4321}"
    assert list(tmp_path.iterdir()) == []
    # the rest cannot be found out
    assert distrusted(status(me + 4321, 0o700), tmp_path / "gone") is not None


def test_file_systems_that_keep_no_owners_or_modes(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    # NFS has root's files belong to nobody, and others have all files open to all
    uid = os.geteuid()
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: uid + 1)
        job.run()
    monkeypatch.setattr(directories, "made_in", lambda folder: status(uid, 0o777))
    (job.folder / HIDDEN / "new").mkdir(parents=True)
    (job.folder / HIDDEN).chmod(0o777)
    job.run()
    assert set(job.files()) == {"in.tif", "out.tif"}


def test_a_directory_is_the_same_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found = Directory(tmp_path / "a")
    assert found.is_at(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    (found.path / "file").write_text("here")
    assert (tmp_path / "b" / "file").read_text() == "here"
    assert not found.is_at(tmp_path / "a")
    assert with_names(f"no room: '{found.path}/file'") == f"no room: '{tmp_path}/a/file'"
    path = found.path
    found.close()
    found.close()
    assert with_names(str(path)) == f"{tmp_path}/a"
    assert not found.path.parent.is_dir()
    with pytest.raises(NotADirectoryError):
        os.listdir(found.path)


def test_without_proc(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Directory.is_at
    monkeypatch.setattr(
        Directory, "is_at", lambda found, name, follow=False: not follow and real(found, name)
    )
    place = BesidePlace(str(job.folder / "out.tif"))
    assert place.path == job.folder / HIDDEN
    place.release()
    job.run()
    assert set(job.files()) == {"in.tif", "out.tif"}


def test_messages_have_the_names_that_users_know(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Any, target: Any) -> None:
        raise OSError(errno.ENOSPC, "no room", str(source))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(rioserrors.ImageWriteError) as caught:
        job.run()
    assert f"no room: '{job.folder}/{HIDDEN}/new/out.tif'" in str(caught.value)
    assert "/proc/" not in str(caught.value)
