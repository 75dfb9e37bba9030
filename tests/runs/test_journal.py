"""The journal of a run: what a later run takes from it, and what not."""

from __future__ import annotations

import os
import pickle
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.runs.resume import journal as module
from rios_flows.runs.resume.frames import CHECKPOINT, HEADER, pack_block, unpack_block, write_frame
from rios_flows.runs.resume.journal import Journal
from tests.support.rasters import Array, coordinates

SAME = {"the user function": "f", "otherArgs": "o"}


def block(number: int) -> ApplierBlockDefn:
    return ApplierBlockDefn(10 * number, 0, 10, 8)


def arrays(number: int) -> list[Array]:
    return [coordinates(2, 10, 8, "int16") + number, coordinates(1, 10, 8, "float32") * number]


def journal(path: Path, identity: dict[str, str] = SAME) -> Journal:
    return Journal(path, identity, 100.0)


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A journal with two blocks, and a third after the last checkpoint."""
    path = tmp_path / "journal"
    earlier = journal(path)
    earlier.add(block(0), arrays(0))
    earlier.checkpoint([{"blocks": 1}])
    earlier.add(block(1), arrays(1))
    earlier.checkpoint([{"blocks": 2}])
    earlier.add(block(2), arrays(2))
    earlier.close()
    return path


def found(path: Path, identity: dict[str, str] = SAME) -> tuple[set[int], Any]:
    """Return which blocks a later run goes on from, and its otherArgs; checks their pixels."""
    later = journal(path, identity)
    try:
        replayed = list(later.replay())
        assert {place for place, _ in replayed} == later.done
        for place, pixels in replayed:
            for there, expected in zip(pixels, arrays(place.top // 10), strict=True):
                assert there.dtype == expected.dtype
                np.testing.assert_array_equal(there, expected)
        return {place.top // 10 for place in later.done}, later.other_args
    finally:
        later.close()


def test_blocks_up_to_the_last_checkpoint_count(left: Path) -> None:
    assert found(left) == ({0, 1}, [{"blocks": 2}])


def test_going_on_twice(left: Path) -> None:
    again = journal(left)
    assert len(list(again.replay())) == 2
    again.add(block(3), arrays(3))
    again.checkpoint([{"blocks": 3}])
    again.close()
    assert found(left) == ({0, 1, 3}, [{"blocks": 3}])


def test_a_new_journal_can_only_be_read_by_this_user(left: Path) -> None:
    assert left.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int64", "uint64", "float16", "float64", "complex64"]
)
def test_pixels_of_every_type(tmp_path: Path, dtype: str) -> None:
    pixels = coordinates(3, 6, 8, "uint8").astype(dtype)
    first = journal(tmp_path / "journal")
    first.add(block(0), [pixels, pixels[:, ::2, ::-1], pixels[:, :0]])
    first.checkpoint([None])
    first.close()
    later = journal(tmp_path / "journal")
    ((_, back),) = later.replay()
    later.close()
    for there, expected in zip(back, (pixels, pixels[:, ::2, ::-1], pixels[:, :0]), strict=True):
        assert there.dtype == pixels.dtype
        np.testing.assert_array_equal(there, expected)


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ({**SAME, "the user function": "g"}, "the user function"),
        ({**SAME, "the working grid": "new"}, "the working grid"),
        ({"otherArgs": "o"}, "the user function"),
        ({"the user function": "g", "otherArgs": "p"}, "the user function, otherArgs"),
        (
            {**SAME, **{f"the input file '{n}'": "" for n in range(7)}},
            ", ".join(f"the input file '{n}'" for n in range(5)) + " and 2 more",
        ),
    ],
)
def test_another_job_starts_afresh_and_says_why(
    left: Path, identity: dict[str, str], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(left, identity) == (set(), None)
    assert caplog.messages == [f"Starting afresh, since this has changed: {words}"]
    # and from then on it is this job's
    assert found(left, identity) == (set(), None)
    assert len(caplog.messages) == 1


def test_the_same_job_goes_on_without_a_word(left: Path, caplog: pytest.LogCaptureFixture) -> None:
    found(left)
    assert caplog.messages == []


def test_what_ends_before_the_first_checkpoint_is_lost_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for told in (False, True):
        run = journal(tmp_path / "journal")
        assert not run.done
        assert ("ended before its first checkpoint" in caplog.text) is told
        run.add(block(0), arrays(0))
        run.close()


def test_an_entry_that_was_cut_off_does_not_count(left: Path) -> None:
    whole = left.read_bytes()
    seen = set()
    for length in range(len(whole), -1, -7):
        left.write_bytes(whole[:length])
        blocks, other = found(left)
        # whatever is there fits together
        assert (blocks, other) in [
            ({0, 1}, [{"blocks": 2}]),
            ({0}, [{"blocks": 1}]),
            (set(), None),
        ]
        seen.add(len(blocks))
    assert seen == {0, 1, 2}


def test_what_follows_damage_does_not_count(left: Path) -> None:
    whole = bytearray(left.read_bytes())
    seen = set()
    for place in range(0, len(whole), 11):
        damaged = whole.copy()
        damaged[place] ^= 0x20
        left.write_bytes(damaged)
        blocks, other = found(left)
        assert (blocks, other) in [
            ({0, 1}, [{"blocks": 2}]),
            ({0}, [{"blocks": 1}]),
            (set(), None),
        ]
        seen.add(len(blocks))
    assert seen == {0, 1, 2}


def test_a_checkpoint_cut_off_leaves_the_one_before(left: Path) -> None:
    later = journal(left)
    later.add(block(2), arrays(2))
    later.checkpoint([{"blocks": 3}])
    later.close()
    with open(left, "r+b") as file:
        file.truncate(left.stat().st_size - 1)
    assert found(left) == ({0, 1}, [{"blocks": 2}])


class Armed:
    """Does harm when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


def frame(kind: bytes, content: bytes, path: Path) -> None:
    with open(path, "ab") as file:
        write_frame(file, kind, [content])


def test_nothing_is_unpickled_of_another_job(
    left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame(CHECKPOINT, pickle.dumps([Armed()]), left)
    assert found(left, {"another": "job"}) == (set(), None)
    left.unlink()
    frame(HEADER, pickle.dumps(Armed()), left)
    assert found(left) == (set(), None)
    assert not (tmp_path / "harm").exists()


def test_a_journal_of_another_form_starts_afresh(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame(HEADER, pickle.dumps(SAME), tmp_path / "journal")
    assert found(tmp_path / "journal") == (set(), None)
    assert caplog.messages == ["Starting afresh, since this has changed: the form of the journal"]


def test_other_args_that_no_longer_unpickle(
    left: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(data: bytes) -> None:
        raise AttributeError("no such class")

    monkeypatch.setattr(pickle, "loads", fails)
    assert found(left) == (set(), None)
    assert "Starting afresh" in caplog.text
    assert "cannot be read: no such class" in caplog.text


def test_a_journal_of_another_user_is_not_used(
    left: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert found(left) == (set(), None)
    assert caplog.messages == [f"Starting afresh, since '{left}' is not a file of this user alone"]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_what_a_link_leads_to_stays(left: Path, link: Any, tmp_path: Path) -> None:
    content = left.read_bytes()
    precious = left.rename(tmp_path / "precious")
    link(precious, left)
    assert found(left) == (set(), None)
    assert precious.read_bytes() == content


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_goes(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "journal")
    assert found(tmp_path / "journal") == (set(), None)
    assert (tmp_path / "journal").is_file()


@pytest.mark.parametrize("step", ["_continue", "_begin"])
def test_the_file_is_closed_where_opening_it_fails(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[BinaryIO] = []
    opens = module._open

    def noted(path: Path) -> BinaryIO:
        files.append(opens(path))
        return files[0]

    def fails(*given: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(module, "_open", noted)
    monkeypatch.setattr(Journal, step, fails)
    with pytest.raises(OSError, match="no room"):
        journal(tmp_path / "journal")
    assert files[0].closed


def test_a_full_disk_is_told(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(handle: int) -> None:
        raise OSError(28, "No space left on device")

    later = journal(left)
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(rioserrors.ImageWriteError, match=r"unable to record.*No space.*full\?"):
        later.checkpoint([None])
    later.close()


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(rioserrors.ImageWriteError, match="unable to record blocks"):
        journal(tmp_path / "missing" / "journal")


def test_other_args_that_do_not_pickle_leave_the_journal_whole(left: Path) -> None:
    later = journal(left)
    with pytest.raises(rioserrors.ParameterError, match="cannot be saved"):
        later.checkpoint([lambda: None])
    later.close()
    assert found(left) == ({0, 1}, [{"blocks": 2}])


def test_checksums_are_those_of_the_whole_content(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    with open(path, "wb") as file:
        write_frame(file, b"X", [b"ab", b"cd", b""])
    assert zlib.crc32(b"abcd").to_bytes(4, "little") in path.read_bytes()


def test_a_journal_that_is_cut_off_while_it_is_read(left: Path) -> None:
    later = journal(left)
    replayed = later.replay()
    next(replayed)
    os.truncate(left, left.stat().st_size // 2)
    with pytest.raises(rioserrors.ImageReadError, match=r"setResume: .*journal' .*changed"):
        list(replayed)
    later.close()


@pytest.mark.parametrize("dtype", ["float32", ">f8", "uint8", "complex64"])
@pytest.mark.parametrize("noisy", [True, False])
def test_pixels_are_compressed_where_it_is_worth_it(dtype: str, noisy: bool) -> None:
    shape, size = (2, 200, 101), 2 * 200 * 101 * np.dtype(dtype).itemsize
    noise = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    pixels = (noise if noisy else np.zeros(size, np.uint8)).view(dtype).reshape(shape)
    # columns first: not as it lies in memory
    turned = np.asfortranarray(pixels)
    parts = pack_block(block(3), [turned, np.zeros((1, 0, 5), dtype)])
    assert len(parts[2]) > size if noisy else len(parts[2]) < size / 50
    found, (first, empty) = unpack_block(memoryview(b"".join(parts)))
    assert (found, first.dtype, empty.shape) == (block(3), np.dtype(dtype), (1, 0, 5))
    assert first.tobytes() == pixels.tobytes()
