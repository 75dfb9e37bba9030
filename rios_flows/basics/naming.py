"""Names of functions and processes, for people."""

from __future__ import annotations

import os
import socket

from rios_flows.basics.types import UserFunction

#: Where a worker finds the id of its job if no queue tells it.
JOB_VARIABLE = "RIOS_FLOWS_JOB"

#: Holds the address of the run where it is in no file, and on no command line.
ADDRESS_VARIABLE = "RIOS_FLOWS_ADDRESS"

#: Set where the lines of a worker are to be seen where it runs, too.
ECHO_VARIABLE = "RIOS_FLOWS_ECHO"

#: Where a worker in AWS finds the region and name of the parameter that has its other variables.
PARAMETER_VARIABLE = "RIOS_FLOWS_PARAMETER"


def name_of(function: UserFunction) -> str:
    """Return what to call a user function."""
    inner = getattr(function, "func", function)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def this_process() -> str:
    """Return what to call this process among those of all machines, as "host:pid"."""
    return f"{socket.gethostname()}:{os.getpid()}"
