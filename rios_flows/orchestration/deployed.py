"""Whether a run has the `rios_flows` that its deployment, or its flow, was made for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prefect.client.schemas.objects import FlowRun

from rios_flows.orchestration.lane_logs import Logger
from rios_flows.rioserrors import UnavailableError
from rios_flows.version import __version__

_NAME = "rios_flows"


def library(**_: object) -> dict[str, str]:
    """Return the version to give a deployment: a build step of `prefect.yaml`."""
    return {"version": f"{_NAME} {__version__}"}


def require_version(version: str, what: str = "This flow") -> str:
    """Refuse to go on with another ``rios_flows`` than something was made for.

    Parameters
    ----------
    version : str
        The version that it was made for.
    what : str
        What was made for it, for the message.

    Returns
    -------
    str
        What to warn of, where only what comes after the first two numbers differs.

    Raises
    ------
    UnavailableError
        If one of the first two numbers differs.
    """
    if version == __version__:
        return ""
    told = f"{what} was made for rios_flows {version}, and {__version__} is installed here"
    if _numbers(version) == _numbers(__version__):
        return told
    raise UnavailableError(
        f"{told}: install rios_flows {version} where the run works, or deploy again with "
        f"{__version__}"
    )


def check_deployments(runs: Iterable[FlowRun], log: Logger) -> UnavailableError | None:
    """Return why flow runs cannot go on here; warn where it is not certain that they can."""
    for run in runs:
        made = re.fullmatch(rf"{_NAME} (\S+)", run.deployment_version or "")
        if made is None:
            continue
        try:
            warning = require_version(made[1], "The deployment of this run")
        except UnavailableError as error:
            return error
        if warning:
            log.warning(warning)
    return None


def _numbers(version: str) -> list[str]:
    return re.findall(r"\d+", version)[:2]
