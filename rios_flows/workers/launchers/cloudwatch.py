"""What jobs in AWS have printed last, as CloudWatch has it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.awsclient import BRIEF, asking, client

#: So many logs are fetched at the same time.
_THREADS = 8

#: How long the logs of all jobs that ended together may take; what has not come by then is not
#: told (s).
_TIME_FOR_LOGS = 5.0

#: Pauses before CloudWatch is asked for the log of a job that has ended (s).
_PAUSES_FOR_LOG = (0.0, 1.0)

#: Of a log, how many lines are told.
_LINES = 50


class Stream(NamedTuple):
    """Where CloudWatch has what a job prints; without a name if it keeps none."""

    group: str
    name: str


NO_STREAM = Stream("", "")


class Logs:
    """Fetches the ends of logs into files.

    Parameters
    ----------
    region : str
        Where; empty for the one that is configured.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._client: Any = None

    def fetch(self, wanted: Mapping[Path, Stream]) -> set[Path]:
        """Return the files of those that have come in time."""
        if not wanted:
            return set()
        with suppress(JobMgrError):
            self._client = self._client or client("logs", self._region, BRIEF)
            threads = ThreadPoolExecutor(min(_THREADS, len(wanted)))
            fetched = {path: threads.submit(self._log, path, wanted[path]) for path in wanted}
            wait(fetched.values(), _TIME_FOR_LOGS)
            threads.shutdown(wait=False, cancel_futures=True)
            return {
                path
                for path, future in fetched.items()
                if future.done() and not future.cancelled() and future.result()
            }
        return set()

    def _log(self, path: Path, stream: Stream) -> bool:
        """Fetch one; return whether there is anything in it."""
        with suppress(OSError):
            if lines := log_lines(self._client, stream):
                path.write_text("\n".join(lines), "utf-8", "replace")
                return True
        return False


def log_lines(logs: Any, stream: Stream) -> list[str]:
    """Return the last lines of a job from CloudWatch; they come a little later than its end."""
    for pause in _PAUSES_FOR_LOG:
        time.sleep(pause)
        with suppress(JobMgrError), asking("CloudWatch", "No log"):
            told = logs.get_log_events(
                logGroupName=stream.group, logStreamName=stream.name, limit=_LINES
            )
            if told["events"]:
                return [event["message"] for event in told["events"]]
    return []
