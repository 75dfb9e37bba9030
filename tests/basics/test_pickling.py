"""Objects of the user are pickled as a worker has been told to, errors as Python does by itself."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import rasterio
from tblib import pickling_support

from rios_flows import rioserrors
from rios_flows.basics import pickling
from rios_flows.basics.workererror import as_its_cause
from rios_flows.reports.results import WorkerErrorRecord
from rios_flows.workers.travel import identities
from rios_flows.workers.travel.luggage import pack_state


@pytest.fixture
def tblib_installed() -> Iterator[None]:
    """Have errors pickled as in a process that has imported distributed."""
    before = dict(copyreg.dispatch_table)
    # conftest.py has its install() do nothing
    copyreg.pickle(TracebackType, pickling_support.pickle_traceback)
    for kind in pickling_support._get_subclasses(BaseException):
        copyreg.pickle(kind, pickling_support.pickle_exception)
    yield
    copyreg.dispatch_table.clear()
    copyreg.dispatch_table.update(before)


def of_rasterio(path: Path) -> rasterio.RasterioIOError:
    """Return an error of rasterio's, behind which there is one of GDAL's."""
    with pytest.raises(rasterio.RasterioIOError) as raised:
        rasterio.open(path / "missing.tif")
    assert raised.value.__context__ is not None
    return raised.value


def test_another_way_holds_from_now_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # put back afterwards
    monkeypatch.setattr(pickling._Way, "dumps", pickling._Way.dumps)
    assert pickle.loads(pickling.dumps([1, "a"])) == [1, "a"]
    pickling.pickle_by(lambda value: pickle.dumps((value, "wrapped")))
    assert pickle.loads(pickling.dumps(5)) == (5, "wrapped")


def in_a_worker(error: BaseException) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identities, "is_worker", lambda: True)
        return pack_state(error)


@pytest.mark.usefixtures("tblib_installed")
@pytest.mark.parametrize("way", [pickling.dumps, pack_state, in_a_worker])
def test_errors_of_gdal_survive_what_distributed_installs(
    tmp_path: Path, way: Callable[[Any], bytes]
) -> None:
    error = of_rasterio(tmp_path)
    # else this test would show nothing
    with pytest.raises(AttributeError, match="no setter"):
        pickle.loads(pickle.dumps(error))
    for each in (error, error.__context__):
        again = pickle.loads(way(each))
        assert (type(again), str(again)) == (type(each), str(each))


@pytest.mark.usefixtures("tblib_installed")
def test_the_error_of_a_worker_survives_it(tmp_path: Path) -> None:
    cause = of_rasterio(tmp_path)
    ours = rioserrors.ImageOpenError("scene.tif cannot be opened")
    ours.__cause__ = cause
    told = pickle.loads(pickle.dumps(WorkerErrorRecord(ours, "compute")))
    assert type(told.exc) is rioserrors.ImageOpenError
    assert type(told.exc.__cause__) is rasterio.RasterioIOError
    assert str(told.exc.__cause__) == str(cause)

    failed = rioserrors.WorkerExceptionError("compute failed")
    failed.__cause__ = cause
    again = pickle.loads(pickling.dumps(as_its_cause(failed)))
    assert isinstance(again, rioserrors.WorkerExceptionError)
    assert isinstance(again, rasterio.RasterioIOError)
    assert str(again) == "compute failed"


def test_ways_of_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    def reduce(error: KeyError) -> Any:
        return KeyError, ("by the user's way",)

    monkeypatch.setitem(copyreg.dispatch_table, KeyError, reduce)
    assert pickle.loads(pickling.dumps(KeyError("a"))).args == ("by the user's way",)
