"""New processes that know nothing of the test's, and need not import everything.

They are forks of a process that has done nothing else. Only one such process can be, for all tests
of a process, so all have their new ones from here.
"""

from __future__ import annotations

import multiprocessing

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("numpy", "rasterio", "shapely", "rios_flows.engine", "rios_flows.workers.__main__"),
        *("rios_flows.workers.worker", "rios_flows.workers.network.channel", "pytest"),
        "tests.support.executors",
    ]
)
