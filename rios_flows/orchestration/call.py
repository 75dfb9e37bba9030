"""One call of ``apply()`` on its way through the flow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rios_flows import engine
from rios_flows.basics.naming import name_of
from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.controls import ApplierControls
from rios_flows.orchestration import parameters as words
from rios_flows.orchestration.daskrunner import with_its_cluster
from rios_flows.orchestration.logs import EngineLog
from rios_flows.outputs.publishing.remotepaths import is_remote
from rios_flows.reports.outcome import Outcome
from rios_flows.reports.results import ApplierReturn
from rios_flows.rioserrors import ParameterError

if TYPE_CHECKING:
    from rios_flows.jobs.description import Description


@dataclass
class ApplyCall:
    """A call of ``apply()``: the job, and in the end its result or error."""

    name: str  # of the flow run
    parameters: dict[str, Any]  # for people: the server stores and shows them
    job: engine.Job | None = None  # None if planning failed
    log: EngineLog = field(default_factory=EngineLog)
    result: ApplierReturn | None = None
    error: BaseException | None = None
    outcome: Outcome | None = None  # of a result
    by_python: bool = False  # what apply() returns goes to its caller, and not to Prefect
    cancelled_around: UUID | None = None  # a flow run around that of the call

    @property
    def page(self) -> Path:
        """Where the summary is kept if no server takes it: beside the first output."""
        if self.job is None:
            return Path("rios-apply.report.html")
        outputs = [target.path for target in self.job.plan.output_plan.targets]
        local = next((path for path in outputs if not is_remote(path)), None)
        if local is not None:
            return Path(f"{local}.report.html")
        key = re.sub("[^a-zA-Z0-9]+", "-", self.name).strip("-") or "rios-apply"
        return Path(self.job.plan.options.tempdir, f"{key[:200]}.report.html")

    def refuse(self, error: BaseException | None) -> None:
        """Have the call end with an error before anything is done; with None it goes on."""
        if error is not None:
            self.job, self.error = None, error

    @classmethod
    def prepare(
        cls,
        function: UserFunction,
        infiles: FilenameAssociations,
        outfiles: FilenameAssociations,
        other_args: Any = None,
        controls: ApplierControls | None = None,
    ) -> ApplyCall:
        """Check and plan a call; keep an error for the flow run to fail with."""
        log = EngineLog()
        try:
            with log:
                job = engine.prepare(function, infiles, outfiles, other_args, controls)
                job = with_its_cluster(job)
        except Exception as error:
            name = getattr(controls, "jobName", None) or name_of(function)
            parameters = words.parameters_of_bad_call(function, infiles, outfiles, controls)
            return cls(words.plain(str(name)), parameters, log=log, error=error)
        return cls(words.plain(job.name), words.parameters_of_job(job), job, log)

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> ApplyCall:
        """Make a call from a flow's parameters, as a deployment does."""
        # a call of apply() has been checked otherwise
        from rios_flows.jobs.description import Description
        from rios_flows.jobs.formschema import CONTROL_GROUPS, joined

        try:
            given = {name: part for name, part in parameters.items() if name not in CONTROL_GROUPS}
            given["controls"] = joined(*(parameters.get(name) for name in CONTROL_GROUPS))
            description = Description.parse(given, "parameters")
            _refuse_what_would_be_lost(description)
            return cls.prepare(*description.call())
        except ParameterError as error:
            return cls(str(parameters["function"]), parameters, error=error)


#: The name of the empty directory in which a process worker starts a run, and which it removes.
_OF_A_WORKER = re.compile(r"tmp\w{8}prefect")


def _refuse_what_would_be_lost(description: Description) -> None:
    """Refuse files that a process worker would remove when the run has ended."""
    here = os.getcwd()
    if not _OF_A_WORKER.fullmatch(os.path.basename(here)):
        return
    lost = [
        f"{name}={path!r}"
        for name, path in _made_by(description)
        if not os.path.isabs(path) and not is_remote(path)
    ]
    if lost:
        raise ParameterError(
            f"{', '.join(lost)} would be lost: relative names count from {here}, "
            "which the Prefect worker removes when the run has ended; give absolute names, or the "
            "deployment a pull step or the work pool a working_dir"
        )


def _made_by(description: Description) -> Iterator[tuple[str, str]]:
    """Yield the files that a job makes, and where it says so."""
    for name, given in description.outfiles.items():
        for path in [given] if isinstance(given, str) else given:
            yield f"outfiles: {name}", path
    records = description.controls.get("recordsFile")
    if records is not None:
        yield "controls: recordsFile", records
