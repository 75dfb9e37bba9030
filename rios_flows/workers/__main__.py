"""The command line of a worker: ``python -m rios_flows.workers``."""

# ruff: noqa: E402 - something has to come before the other imports

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import signal
import socket
import sys
from pathlib import Path

from rios_flows.workers.lazily import import_later

# rasterio imports it wherever it is installed, which takes a third of a worker's start
import_later("boto3")

from rios_flows.basics.naming import ADDRESS_VARIABLE, PARAMETER_VARIABLE
from rios_flows.workers.relay import Relay
from rios_flows.workers.sharedmemory import LocalConnection
from rios_flows.workers.wire import Connection, StreamConnection
from rios_flows.workers.worker import serve

#: How long to try to reach the run (s).
PATIENCE = 60


def main(arguments: list[str] | None = None) -> None:
    """Work for a run until that is over; when it is gone, end at once."""
    parser = argparse.ArgumentParser(
        prog="python -m rios_flows.workers",
        description="A compute worker of a run: takes blocks, and sends back what the user "
        "function makes of them. The run says its address.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--address",
        help="what addressStr() of the run's channel returns; others may see it here, unlike in "
        f"the variable {ADDRESS_VARIABLE}",
    )
    where.add_argument("--address-file", type=Path, help="a file that holds it")
    where.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--number", type=int, default=-1, help="the worker's, if the run has started it"
    )
    parser.add_argument("--index", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.index:
        # of a job in an array, whose number is the first one's
        options.number += int(os.environ[options.index])
    # what a crash leaves in the job's log
    faulthandler.enable(sys.__stderr__ or 2)
    connection = _connect(options)
    # Ctrl-C is the run's
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    relay = Relay(connection)
    relay.install()
    # the conversation is not theirs, and must end with this process
    os.register_at_fork(after_in_child=relay.uninstall)
    os.register_at_fork(after_in_child=connection.leave_to_parent)
    serve(connection, options.number, _end, relay.flush)
    connection.close()


def _connect(options: argparse.Namespace) -> Connection:
    if options.fd is not None:
        _die_with_parent()
        os.set_inheritable(options.fd, False)
        return LocalConnection(socket.socket(fileno=options.fd))
    # local workers need nothing of the network
    from rios_flows.workers.network.connecting import connect

    if PARAMETER_VARIABLE in os.environ:
        os.environ.update(_kept(os.environ.pop(PARAMETER_VARIABLE)))
    address = options.address or os.environ.pop(ADDRESS_VARIABLE, "")
    if options.address_file is not None:
        address = _read(options.address_file)
    return StreamConnection(connect(address.strip(), PATIENCE))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        sys.exit(
            f"The address of the run cannot be read on {socket.gethostname()}: {error}; have a "
            "directory that this machine sees, too, as tempdir of the run, or haveSharedTemp=False"
        )


def _kept(place: str) -> dict[str, str]:
    """Return the variables of this worker that AWS's Systems Manager keeps."""
    import boto3

    region, _, name = place.partition(":")
    ssm = boto3.session.Session(region_name=region).client("ssm")
    told = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    variables: dict[str, str] = json.loads(told)
    return variables


def _die_with_parent() -> None:
    """Have Linux end this process with the one that started it, whatever this one is doing."""
    import ctypes

    parent_death_signal = 1
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def _end() -> None:
    """End this process, and those that the user function has started, in the midst of a block."""
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
