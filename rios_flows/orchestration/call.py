"""One call of ``apply()`` on its way through the flow, and its parameters as people read them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

from rios_flows import engine
from rios_flows.associations import FilenameAssociations
from rios_flows.compute import name_of
from rios_flows.concurrency import ConcurrencyStyle
from rios_flows.controls import ApplierControls
from rios_flows.options import BlockRetries
from rios_flows.orchestration.logs import EngineLog
from rios_flows.results import ApplierReturn
from rios_flows.rioserrors import ParameterError
from rios_flows.types import UserFunction

#: Controls whose value is an object, and what makes it from the words that stand for it.
_OBJECTS = {"concurrency": ConcurrencyStyle, "blockRetries": BlockRetries}


@dataclass
class Call:
    """A call of ``apply()``: what is to be done, and in the end what came of it.

    It reaches the flow beside the flow's parameters, since these are stored by the server, and
    shown: they are for people.

    Attributes
    ----------
    name : str
        What to call the flow run.
    parameters : dict
        What the UI shows: names and plain values.
    job : Job or None
        The planned job; None where planning failed.
    log : EngineLog
        What the engine had to say; nobody listened yet while it planned.
    result : ApplierReturn or None
        What the run gave.
    error : BaseException or None
        What was wrong with the call, or ended the run.
    """

    name: str
    parameters: dict[str, Any]
    job: engine.Job | None = None
    log: EngineLog = field(default_factory=EngineLog)
    result: ApplierReturn | None = None
    error: BaseException | None = None

    @classmethod
    def planned(
        cls,
        function: UserFunction,
        infiles: FilenameAssociations,
        outfiles: FilenameAssociations,
        other_args: Any = None,
        controls: ApplierControls | None = None,
    ) -> Call:
        """Check and plan a call; what is wrong with it is kept, for the flow run to fail with."""
        log = EngineLog()
        try:
            with log:
                job = engine.prepare(function, infiles, outfiles, other_args, controls)
        except Exception as error:
            name = getattr(controls, "jobName", None) or name_of(function)
            parameters = _parameters_of_bad_call(function, infiles, outfiles)
            return cls(str(name), parameters, log=log, error=error)
        parameters = {**job.summary(), "function": _reference(function)}
        return cls(job.name, parameters, job, log)

    @classmethod
    def of_parameters(
        cls, function: str, infiles: Any, outfiles: Any, controls: dict[str, Any] | None
    ) -> Call:
        """Make a call of a flow's own parameters: a deployment has nothing else."""
        parameters = {"function": function, "infiles": infiles, "outfiles": outfiles}
        parameters["controls"] = controls
        try:
            return cls.planned(
                _load(function), _files(infiles), _files(outfiles), None, _controls(controls or {})
            )
        except ParameterError as error:
            return cls(function, parameters, error=error)


def _reference(function: UserFunction) -> str:
    """Name a function; as ``module:name`` where it can be found by that."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", "<")
    return name_of(function) if module in (None, "__main__") or "<" in name else f"{module}:{name}"


def _load(reference: str) -> UserFunction:
    module, _, name = reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, ValueError, AttributeError) as error:
        raise ParameterError(
            f"function={reference!r} cannot be found ({error}); give it as 'package.module:name', "
            "importable where the flow runs"
        ) from error
    if not callable(found):
        raise ParameterError(f"function={reference!r} is a {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def _files(names: dict[str, Any]) -> FilenameAssociations:
    files = FilenameAssociations()
    for name, entry in names.items():
        setattr(files, name, entry)
    return files


def _controls(values: dict[str, Any]) -> ApplierControls:
    """Make controls of what ``ApplierControls.changed`` says: ``control`` or ``control[image]``."""
    controls = ApplierControls()
    for key, value in values.items():
        name, _, image = key.partition("[")
        if name in _OBJECTS and isinstance(value, dict):
            try:
                value = _OBJECTS[name](**value)
            except TypeError as error:
                raise ParameterError(f"controls[{name!r}]: {error}") from error
        controls.setOptionForImagename(name, image.rstrip("]") or None, value)
    return controls


def _parameters_of_bad_call(function: Any, infiles: Any, outfiles: Any) -> dict[str, Any]:
    """Make what can be made of a call that may be wrong in any way."""

    def readable(files: Any) -> dict[str, Any]:
        entries = vars(files) if isinstance(files, FilenameAssociations) else {}
        return {
            name: [str(item) for item in entry] if isinstance(entry, list | tuple) else str(entry)
            for name, entry in entries.items()
        }

    return {
        "function": _reference(function),
        "infiles": readable(infiles),
        "outfiles": readable(outfiles),
    }
