"""What functions and processes are called in messages."""

from __future__ import annotations

import functools
import os
import socket
from typing import Any

from rios_flows.basics.naming import name_of, this_process


def ndvi(info: Any, inputs: Any, outputs: Any) -> None:
    """Do nothing."""


class Model:
    """A function that is an object."""

    def __call__(self, info: Any, inputs: Any, outputs: Any) -> None:
        """Do nothing."""


def test_functions_have_their_own_names() -> None:
    assert name_of(ndvi) == "ndvi"
    assert name_of(functools.partial(ndvi, 1)) == "ndvi"
    assert name_of(Model()) == "Model"


def test_a_process_is_told_from_those_of_other_machines() -> None:
    host, _, number = this_process().rpartition(":")
    assert host == socket.gethostname()
    assert int(number) == os.getpid()
