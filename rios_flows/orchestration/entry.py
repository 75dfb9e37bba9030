"""The way into the shell; it does as much as possible before it imports Prefect."""

from __future__ import annotations

import importlib
import threading
from typing import Any

from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.controls import ApplierControls
from rios_flows.orchestration import embedded_server
from rios_flows.orchestration.call import ApplyCall
from rios_flows.reports.results import ApplierReturn

# Prefect's modules import each other in circles: two threads at once would see them unfinished
_importing = threading.Lock()


def run_as_flow(
    function: UserFunction,
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
    other_args: Any = None,
    controls: ApplierControls | None = None,
) -> ApplierReturn:
    """Run a call of ``apply()`` as a Prefect flow, on a server of our own if none is configured."""
    with _importing:
        server = embedded_server.start_where_needed()
    call = ApplyCall.prepare(function, infiles, outfiles, other_args, controls)
    with _importing:
        # here and not at the top: this imports Prefect
        flow = importlib.import_module("rios_flows.orchestration.flow")
        if server is not None:
            # the server is still starting: the pictures at the end need this anyway
            importlib.import_module("matplotlib.backends.backend_agg")
            importlib.import_module("matplotlib.figure")
    with embedded_server.connected(server):
        try:
            result: ApplierReturn = flow.run(call)
        except KeyboardInterrupt as error:
            # where in Prefect it came in helps nobody
            raise error.with_traceback(None) from None
    return result
