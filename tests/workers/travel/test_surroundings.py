"""What a worker finds around it is what its caller has."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import sysconfig
import warnings
from pathlib import Path

import pytest

from rios_flows.workers.travel.surroundings import (
    Surroundings,
    set_warning_filters,
    surroundings,
    warning_filters,
)


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_variables_that_a_job_may_depend_on() -> None:
    taken = {"RIOS_DFLT_DRIVER": "HFA", "AWS_SECRET_ACCESS_KEY": "s", "GDAL_CACHEMAX": "64"}
    left = {"GDAL_DATA": "/here", "AWS_CA_BUNDLE": "/here", "HOME": "/here", "DISPLAY": ":0"}
    os.environ.update(taken | left)
    found = surroundings().variables
    assert taken.items() <= found.items()
    assert not left.keys() & found.keys()


def test_credentials_of_a_container_are_its_own() -> None:
    own = {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/caller",
        "AWS_BATCH_JOB_ID": "caller",
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
    }
    os.environ.update({**own, "AWS_PROFILE": "caller", "AWS_REQUEST_PAYER": "requester"})
    found = surroundings()
    assert not own.keys() & found.variables.keys()
    os.environ.update(dict.fromkeys(own, "worker"))
    del os.environ["AWS_PROFILE"], os.environ["AWS_REQUEST_PAYER"]
    found.enter()
    # it has a role
    assert "AWS_PROFILE" not in os.environ
    assert os.environ["AWS_REQUEST_PAYER"] == "requester"
    assert {os.environ[name] for name in own} == {"worker"}
    del os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    found.enter()
    assert os.environ["AWS_PROFILE"] == "caller"


def test_folders_before_and_after_the_installation() -> None:
    sys.path.insert(0, "/project/code")
    sys.path.append("/project/more")
    found = surroundings()
    assert found.folder == os.getcwd()
    assert "/project/code" in found.first
    assert "/project/more" in found.last
    assert sysconfig.get_path("stdlib") not in (*found.first, *found.last)


def test_entering(tmp_path: Path) -> None:
    os.environ["RIOS_DFLT_FOOTPRINT"] = "of this process"
    (tmp_path / "run").mkdir()
    before = list(sys.path)
    around = Surroundings(
        str(tmp_path / "run"), {"RIOS_DFLT_DRIVER": "HFA"}, ("/project/code",), ("/project/more",)
    )
    around.enter()
    assert os.environ["RIOS_DFLT_DRIVER"] == "HFA"
    assert "RIOS_DFLT_FOOTPRINT" not in os.environ
    assert Path.cwd() == tmp_path / "run"
    assert sys.path == ["/project/code", *before, "/project/more"]
    around.enter()
    assert sys.path == ["/project/code", *before, "/project/more"]


def test_a_folder_that_is_not_here(tmp_path: Path) -> None:
    around = dataclasses.replace(surroundings(), folder=str(tmp_path / "nowhere"))
    with pytest.warns(RuntimeWarning, match=r"cannot work in the directory of the run.*nowhere"):
        around.enter()
    assert Path.cwd() == tmp_path


def test_filters_of_warnings() -> None:
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.filterwarnings("error", "a.*b", UserWarning, "some.module", 7)
        warnings.simplefilter("ignore", FutureWarning)
        sent = warning_filters()
        warnings.resetwarnings()
        set_warning_filters(sent)
        assert warning_filters() == sent
        with pytest.raises(UserWarning):
            warnings.warn_explicit("a and b", UserWarning, "file", 7, "some.module")


def test_filters_that_name_a_module() -> None:
    with warnings.catch_warnings():
        # Python's own have the module's name where others have a pattern
        warnings.filters[:] = [("error", None, UserWarning, "a.b", 0)]  # type: ignore[index]
        ((action, message, category, module, lineno),) = warning_filters()
    assert (action, message, category, lineno) == ("error", None, UserWarning, 0)
    assert module is not None
    assert re.match(module, "a.b")
    assert not re.match(module, "a.bc")
