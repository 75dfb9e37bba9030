"""Channels and processes that tests of the channel share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from rios_flows.workers.network.channel import NetworkDataChannel
from tests.support.forkserver import FORKS
from tests.workers.network.channel_clients import Serve


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Start processes from nothing, once for all tests."""
    with ProcessPoolExecutor(2, FORKS) as pool:
        yield pool


@pytest.fixture
def serve() -> Iterator[Serve]:
    channels: list[NetworkDataChannel] = []

    def make(**objects: Any) -> NetworkDataChannel:
        channels.append(
            NetworkDataChannel(**{"workerInitData": {}, "hostname": "127.0.0.1", **objects})
        )
        return channels[-1]

    yield make
    for channel in channels:
        channel.shutdown()
