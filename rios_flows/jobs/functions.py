"""The user function by name: ``package.module:name``, or ``file.py:name``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from contextlib import suppress
from types import ModuleType
from typing import Any

from rios_flows.basics.naming import name_of
from rios_flows.basics.types import UserFunction
from rios_flows.rioserrors import ParameterError

#: Modules that are no one's to import elsewhere, with the files they were made of.
_files: dict[str, str] = {}


def reference_to(function: UserFunction) -> str:
    """Return the name of a function; ``module:name`` or ``file.py:name`` if that leads to it."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and module != "__main__":
        with suppress(KeyError, AttributeError):
            if _look_up(sys.modules[module], name) is function:
                return f"{_files.get(module, module)}:{name}"
    return name_of(function)


def place_of(function: UserFunction) -> str:
    """Return where to find a function again: ``module:name``, or ``script.py:name``."""
    found, name = reference_to(function), getattr(function, "__qualname__", "<")
    if ":" in found:
        return found
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if getattr(main, name, None) is function and file is not None and file.endswith(".py"):
        return f"{file}:{name}"
    raise ParameterError(
        f"function={found!r} cannot be found by a name: define it with def, at the top of a module "
        "or script, and give what a method, partial or closure keeps in otherArgs"
    )


def load(reference: str) -> UserFunction:
    """Import the function that ``module:name`` or ``file.py:name`` refers to."""
    place, _, name = reference.rpartition(":")
    try:
        module = _of_file(place) if place.endswith(".py") else importlib.import_module(place)
        found = _look_up(module, name)
    except SystemExit as error:
        raise ParameterError(
            f"function={reference!r} cannot be found: its module ends the process when it is "
            f"imported ({error!r}); put what it does as a script under `if __name__ == "
            "'__main__':`"
        ) from error
    except Exception as error:
        raise ParameterError(
            f"function={reference!r} cannot be found ({type(error).__name__}: {error}); give it as "
            "'package.module:name', importable where the flow runs, or as 'file.py:name', a "
            f"relative name of which counts from {os.getcwd()}"
        ) from error
    if not callable(found):
        raise ParameterError(f"function={reference!r} is a {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def _of_file(path: str) -> ModuleType:
    """Import a file under its own name, as a script beside it would."""
    path = os.path.realpath(path)
    folder, name = os.path.dirname(path), os.path.basename(path).removesuffix(".py")
    known = sys.modules.get(name)
    if known is not None:
        if os.path.realpath(getattr(known, "__file__", None) or "") == path:
            return known
        raise ImportError(f"there is a module '{name}' already; give the file another name")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # its folder comes first, as with `python file.py`: it may import its neighbours, and workers
    # get what lies there by value
    sys.path.insert(0, folder)
    sys.modules[name] = module
    _files[name] = path
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        sys.path.remove(folder)
        raise
    return module


def _look_up(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module
