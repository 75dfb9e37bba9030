"""Run the examples of ``docs/errors.toml``, and write ``docs/errors/*.md`` and their list."""

from __future__ import annotations

import functools
import http.server
import inspect
import os
import re
import resource
import runpy
import shutil
import sys
import tempfile
import textwrap
import threading
import tomllib
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import rasterio
import rasterio.shutil
from rasterio.vrt import WarpedVRT

from rios_flows import rioserrors
from rios_flows.rioserrors import RiosError

DOCS = Path(__file__).parent
DATA = DOCS.parent / "examples" / "data"
LIST = "errors.md"
#: What is between these lines of the list is made here.
BEGIN, END = "<!-- made by docs/build_errors.py: begin -->\n", "<!-- end -->\n"
MADE = "<!-- made from docs/errors.toml by docs/build_errors.py -->"


def classes() -> list[type[RiosError]]:
    """Return all classes of errors in the order of their module."""
    found = vars(rioserrors).values()
    return [each for each in found if inspect.isclass(each) and issubclass(each, RiosError)]


def render() -> dict[str, str]:
    """Run all examples, and return what each page holds, by its name below ``docs``."""
    told = tomllib.loads((DOCS / "errors.toml").read_text())
    kinds = classes()
    if wrong := told.keys() ^ {kind.__name__ for kind in kinds}:
        raise SystemExit(f"docs/errors.toml and rioserrors differ in {', '.join(sorted(wrong))}")
    pages = {f"errors/{kind.__name__}.md": _page(kind, told[kind.__name__]) for kind in kinds}
    return pages | {LIST: _with_list((DOCS / LIST).read_text(), kinds)}


def _page(kind: type[RiosError], told: dict[str, Any]) -> str:
    parts = [f"# {kind.__name__}", MADE, f"{_meaning(kind)} {_family(kind)}"]
    if "unused" in told:
        parts.append(f"rios_flows never raises it. {told['unused']}")
    else:
        causes = "\n".join(f"* {each}" for each in told["causes"])
        parts += ["## An example", f"```python\n{told['code'].strip()}\n```"]
        parts += [STAND_INS[told["stand_in"]][1]] if "stand_in" in told else []
        parts += [f"```text\n{_message(kind, told)}\n```"]
        parts += ["## What it comes from", causes, "## What to do", told["cure"]]
    return "\n\n".join([*parts, "[All errors](../errors.md#all-errors)"]) + "\n"


def _meaning(kind: type[RiosError]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0].replace("``", "`")


def _family(kind: type[RiosError]) -> str:
    if kind is RiosError:
        return "It is an `Exception`."
    own, builtin = _bases(kind)
    link = f"[{own}]({own}.md)"
    return f"It is a {link}" + (f", and `except {builtin}` catches it." if builtin else ".")


def _bases(kind: type[RiosError]) -> tuple[str, str]:
    """Return the nearest base of our own, and the builtin that the class also is."""
    own = next(base for base in kind.__mro__[1:] if issubclass(base, RiosError))
    builtin = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    name = builtin.__name__
    return own.__name__, f"builtins.{name}" if name == kind.__name__ else name


def _with_list(page: str, kinds: list[type[RiosError]]) -> str:
    before, _, rest = page.partition(BEGIN)
    rows = ["| error | is a | and a | what it means |", "|---|---|---|---|"]
    for kind in sorted(kinds[1:], key=lambda each: each.__name__):
        own, builtin = _bases(kind)
        link = f"[{kind.__name__}](errors/{kind.__name__}.md)"
        rows.append(f"| {link} | `{own}` | `{builtin}` | {_meaning(kind)} |")
    return before + BEGIN + "\n".join(rows) + "\n" + END + rest.partition(END)[2]


def _message(kind: type[RiosError], told: dict[str, Any]) -> str:
    """Run an example in a directory of its own, and return the message of its error."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(_rasters(), folder, dirs_exist_ok=True)
        stand_in = STAND_INS[told["stand_in"]][0] if "stand_in" in told else _nothing
        with _inside(folder), stand_in(folder):
            error = _raised(told["code"], kind.__name__)
    if type(error) is not kind and kind is not RiosError and type(error).__mro__[1] is not kind:
        raise SystemExit(f"the example of {kind.__name__} raised {type(error).__name__}: {error}")
    return _cut(f"{_name_of(error)}: {error}", folder)


def _name_of(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _raised(code: str, name: str) -> Exception:
    script = Path("example.py")
    script.write_text(code.lstrip())
    try:
        runpy.run_path(str(script), run_name="__main__")
    except Exception as error:
        if not isinstance(error, RiosError):
            traceback.print_exc()
        return error
    raise SystemExit(f"the example of {name} raised nothing")


def _cut(message: str, folder: Path) -> str:
    """Leave out what differs from one machine or run to the next."""
    for path in (f"{folder}/", f"{folder.resolve()}/"):
        message = message.replace(path, "")
    message = re.sub(r"\(\S+:\d+\)", "(host:process)", message)
    message = re.sub(r"for \d+\.\d s$", "for 0.2 s", message)
    message = re.sub(r"(rios_[a-z]+_)[a-z0-9_]{8}\b", r"\1...", message)
    folded = [textwrap.wrap(line, 100, break_on_hyphens=False) for line in message.splitlines()]
    return "\n".join("\n".join(lines) for lines in folded)


@functools.cache
def _rasters() -> Path:
    """Make what examples read, once."""
    folder = Path(tempfile.mkdtemp(prefix="rios_flows-docs-"))
    for band in ("green", "red"):
        shutil.copy(DATA / f"landsat8_224077_{band}.tif", folder / f"{band}.tif")
    runpy.run_path(str(DOCS / "recipe_files.py"))["make"](folder)
    with rasterio.open(folder / "red.tif") as red, WarpedVRT(red, crs="EPSG:3857") as warped:
        rasterio.shutil.copy(warped, folder / "red_web_mercator.tif", driver="GTiff")
    return folder


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Undo what an example does to this process."""
    before, environment, modules = os.getcwd(), dict(os.environ), dict(sys.modules)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    os.chdir(folder)
    # one block: which of several fails first is chance
    os.environ |= {"RIOS_DFLT_BLOCKXSIZE": "512", "RIOS_DFLT_BLOCKYSIZE": "512"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)
        for hidden in [name for name, module in sys.modules.items() if module is None]:
            del sys.modules[hidden]
        sys.modules |= modules


def _nothing(_folder: Path) -> AbstractContextManager[None]:
    return nullcontext()


@contextmanager
def _pbs(folder: Path) -> Iterator[None]:
    """Put a qsub on the PATH that refuses all jobs."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("qsub", "qstat", "qdel"):
        (programs / name).write_text("#!/bin/sh\necho qsub: Unknown queue >&2\nexit 170\n")
        (programs / name).chmod(0o700)
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
    yield


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Answers as ECS does if there is no such cluster."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"__type": "ClusterNotFoundException", "message": "Cluster not found."}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Tell nobody."""


@contextmanager
def _aws(_folder: Path) -> Iterator[None]:
    """Have a server of this machine stand for AWS."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        try:
            yield
        finally:
            server.shutdown()


#: What stands for a cluster, and what the page says of it.
STAND_INS: dict[str, tuple[Callable[[Path], AbstractContextManager[None]], str]] = {
    "pbs": (_pbs, "The message below is that of a stand-in for PBS whose `qsub` takes no job."),
    "aws": (_aws, "The message below is that of a stand-in for AWS that answers as ECS does."),
}


def main(target: Path) -> None:
    """Write all pages below a directory."""
    try:
        for name, text in render().items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(text)
    finally:
        shutil.rmtree(_rasters())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
