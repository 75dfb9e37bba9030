"""What a user function finds around it in a worker: all as in the caller's process."""

from __future__ import annotations

from pathlib import Path

from tests.support.luggage import run_script


def test_surroundings(tmp_path: Path) -> None:
    """The directory, variables, modules, warnings and settings are those of the caller."""
    installed = tmp_path / "tools"
    installed.mkdir()
    (installed / "tool.py").write_text("value = 12\n")
    code = """
import os, warnings
sys.path.append("tools")
os.environ.pop("RIOS_DFLT_OVERLAP", None)
os.environ["RIOS_DFLT_DRIVER"] = "HFA"
os.environ["AWS_SECRET_ACCESS_KEY"] = "secret of the store"
os.environ["GDAL_DATA"] = "/of/this/host"
class Mine(UserWarning):
    pass
warnings.resetwarnings()
warnings.simplefilter("error", Mine)
warnings.filterwarnings("ignore", "quiet.*", module="no[a-z]+")
before = list(warnings.filters)

def f(i, a, o, other):
    import tool, rasterio
    from rios_flows.gdal.settings import inherited
    assert os.getcwd() == other["folder"], os.getcwd()
    assert tool.value == 12
    try:
        warnings.warn("is an error", Mine)
    except Mine:
        pass
    else:
        raise AssertionError("no error")
    names = [name for name in os.environ if name.startswith(("RIOS_DFLT_", "AWS_SEC", "GDAL_DATA"))]
    return {name: os.environ[name] for name in names}, list(warnings.filters)

# what the worker's process is to have of its own
job = {"folder": os.getcwd()}
import tests.support.luggage as support
support.WORKER = "import os; os.environ['RIOS_DFLT_OVERLAP'] = '3'\\n" + (
    "os.environ['GDAL_DATA'] = '/of/that/host'\\n" + support.WORKER)
(found, filters), _ = there_and_back(f, job)
assert found == {
    "RIOS_DFLT_DRIVER": "HFA",
    "AWS_SECRET_ACCESS_KEY": "secret of the store",
    "GDAL_DATA": "/of/that/host",
}, found
assert filters == before, (filters, before)
"""
    run_script(code, tmp_path)


def test_settings_and_credentials(tmp_path: Path) -> None:
    code = """
import rasterio, rasterio.env
from rios_flows.gdal.settings import run_options
from rios_flows.workers.travel import luggage
class Got:
    pass
def f(i, a, o, other):
    return other
with rasterio.Env(GDAL_NUM_THREADS=2, CPL_DEBUG=False) as env:
    rasterio.env.setenv(AWS_ACCESS_KEY_ID="who", AWS_SECRET_ACCESS_KEY="what")
    work = work_of(f, None, run_options())
import os, pathlib, subprocess
from tests.support.luggage import ROOT
pathlib.Path("job").write_bytes(luggage.pack(work))
worker = f'''
import pathlib, sys
sys.path.append({str(ROOT)!r})
from rios_flows.workers.travel import luggage
import rasterio.env
with luggage.unpack(pathlib.Path("job").read_bytes()) as work:
    found = rasterio.env.getenv()
assert (found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]) == ("who", "what"), found
assert found["GDAL_NUM_THREADS"] == 2 and found["GDAL_HTTP_LOW_SPEED_TIME"] == 30, found
'''
subprocess.run([sys.executable, "-c", worker], check=True, timeout=60)
"""
    run_script(code, tmp_path)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    code = """
import os, pathlib, subprocess
from rios_flows.workers.travel import luggage
from tests.support.luggage import ROOT
home = os.getcwd()
os.mkdir("gone")
os.chdir("gone")
job = luggage.pack(work_of(lambda *_: 1))
os.chdir(home)
os.rmdir("gone")
pathlib.Path("job").write_bytes(job)
worker = f'''
import os, pathlib, sys, warnings
sys.path.append({str(ROOT)!r})
from rios_flows.workers.travel import luggage
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    luggage.unpack(pathlib.Path("job").read_bytes())
assert "cannot work in the directory of the run, {home}/gone (No such file" in str(told[0].message)
assert os.getcwd() == {home!r}
'''
subprocess.run([sys.executable, "-c", worker], check=True, timeout=60)
"""
    run_script(code, tmp_path)


def test_a_module_that_the_worker_lacks(tmp_path: Path) -> None:
    """It was installed for the caller's Python, or lay in a folder that the worker has not."""
    folder = tmp_path / "installed" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "lacking.py").write_text("def f(*_): return 42")
    code = """
import pathlib, shutil, subprocess
sys.path.append("installed/site-packages")
from lacking import f
from rios_flows.workers.travel import luggage
from tests.support.luggage import ROOT
pathlib.Path("job").write_bytes(luggage.pack(work_of(f)))
shutil.rmtree("installed")
worker = f'''
import pathlib, sys
sys.path.append({str(ROOT)!r})
from rios_flows import rioserrors
from rios_flows.workers.travel import luggage
try:
    luggage.unpack(pathlib.Path("job").read_bytes())
except rioserrors.UnavailableError as error:
    assert "No module named 'lacking'; install the module" in str(error), error
else:
    raise AssertionError
'''
subprocess.run([sys.executable, "-c", worker], check=True, timeout=60)
"""
    run_script(code, tmp_path)
