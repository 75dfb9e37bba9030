"""A Prefect server of our own while this process lives, if no API is configured.

Prefect would start such a server itself, but would first import the whole server into the calling
process. Here the server starts first, and imports while this process imports Prefect and
plans its job. Nothing in this module imports Prefect before that.
"""

from __future__ import annotations

import atexit
import http.client
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from rios_flows.orchestration.api_settings import needs_server
from rios_flows.rioserrors import UnavailableError

logger = logging.getLogger(__name__)

#: Longest wait for the server's first answer (s); a first start makes a database.
STARTUP_TIMEOUT = 180.0
#: Longest wait for the server to end (s).
STOP_TIMEOUT = 10.0
#: How often Prefect tries again to reach the server; the pauses double.
MOST_RETRIES = 3

#: Longest wait for Prefect's last messages to a server before it ends (s).
LET_GO_TIMEOUT = 5.0

_SCRIPT = Path(__file__).with_name("server_process.py")

#: Settings that make the server an embedded one.
_EMBEDDED = {
    "PREFECT_UI_ENABLED": "false",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
#: Settings for the server of one process; the user's environment wins.
_DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    # saves 3 s on a new database: nothing here needs blocks; the next real server does, and must
    # not find them recorded as registered
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
    # the states of task runs appear sooner, and a backlog does not delay the next run
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    # in whole seconds: a fraction would become 0, and it would never rest
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "200",
}


class EmbeddedServer:
    """A Prefect server on loopback, on the user's own database, in a child process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._owner = os.getpid()
        # several threads may wait for one server
        self._waiting = threading.Lock()
        self._url: str | None = None
        self._failure: str | None = None
        self._began = time.monotonic()
        # a full pipe would stop the server, and its output must not reach the user's terminal
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        self._process = subprocess.Popen(
            # -P, because the directory of this file has modules with common names
            [sys.executable, "-P", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(environment),
            # Ctrl-C ends the run first, and the server must still get its state
            start_new_session=True,
        )
        self._named_port = b""
        # a thread, as a pipe cannot be read with a timeout on every platform
        self._reader = threading.Thread(target=self._read_port, name="server-port", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether this process owns a running server."""
        return self._owner == os.getpid() and self._process.poll() is None

    def url(self, timeout: float = STARTUP_TIMEOUT) -> str:
        """Return the URL of the API, as soon as the server answers; raise an error if it fails."""
        with self._waiting:
            if self._url is None:
                self._url = self._wait_for_url(timeout)
            return self._url

    def stop(self) -> None:
        """End the server, and wait for that; harmless if it has ended."""
        if self._owner != os.getpid():
            return
        process = self._process
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        # threads that still wait are woken at once, and raise the reason
        with self._waiting:
            for pipe in (process.stdin, process.stdout, self._log):
                if pipe is not None:
                    pipe.close()

    def _read_port(self) -> None:
        assert self._process.stdout is not None
        self._named_port = self._process.stdout.readline().strip()

    def _wait_for_url(self, timeout: float) -> str:
        if self._failure is not None:
            raise UnavailableError(self._failure)
        try:
            self._reader.join(timeout)
            if not self._named_port.isdigit():
                raise OSError("it has not named its port")
            port = int(self._named_port)
            self._greet(port, timeout)
        except (OSError, http.client.HTTPException) as error:
            explained = self._explain(error)
            if not self.alive:
                self._failure = explained
            raise UnavailableError(explained) from error
        logger.debug("Prefect server at port %d after %.1f s", port, self._age())
        return f"http://127.0.0.1:{port}/api"

    def _greet(self, port: int, timeout: float) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
            connection.request("GET", "/api/health")
            status = connection.getresponse().status
        if status != http.client.OK:
            raise http.client.HTTPException(f"HTTP status {status}")

    def _explain(self, error: Exception) -> str:
        try:
            # it may be about to end; then it has printed why
            end = f"it ended with code {self._process.wait(1)}"
        except subprocess.TimeoutExpired:
            end = f"no answer: {error}"
        said = "" if self._log.closed else self._last_words()
        return (
            f"The temporary Prefect server did not start in {self._age():.0f} s: {end}. Set "
            f"PREFECT_API_URL to use a server that runs.{chr(10) if said else ''}{said}"
        )

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()[-2000:]

    def _age(self) -> float:
        return time.monotonic() - self._began


_lock = threading.Lock()
_server: EmbeddedServer | None = None


def start_where_needed() -> EmbeddedServer | None:
    """Start the embedded server if no API is configured, or return the one that runs, at once."""
    global _server
    with _lock:
        if not needs_server():
            return None
        if _server is not None and not _server.alive:
            logger.warning("The temporary Prefect server has ended; another is started")
            atexit.unregister(_server.stop)
            _let_go()
            _server.stop()
            _server = None
        if _server is None:
            _server = EmbeddedServer(_environment())
            atexit.register(_server.stop)
        return _server


@contextmanager
def connected(server: EmbeddedServer | None) -> Iterator[None]:
    """Connect Prefect to the embedded server, if there is one; wait until it answers."""
    if server is None:
        yield
        return
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_CLIENT_MAX_RETRIES,
        PREFECT_UI_URL,
        temporary_settings,
    )

    try:
        url = server.url()
    except UnavailableError:
        # a living server may still answer another waiting thread, or the next call
        if not server.alive:
            _end(server)
        raise
    ours = {
        PREFECT_API_URL: url,
        # without an address for the UI, Prefect would print a link to a page that does not exist
        PREFECT_UI_URL: "",
        # if this server dies it does not come back, but Prefect would try for minutes
        PREFECT_CLIENT_MAX_RETRIES: min(PREFECT_CLIENT_MAX_RETRIES.value(), MOST_RETRIES),
    }
    with temporary_settings(ours):
        yield


def has_died() -> bool:
    """Return whether an embedded server was in use, and is no more; it does not come back."""
    return _server is not None and not _server.alive


def stop() -> None:
    """End the embedded server, if one runs; the next call that needs one starts another."""
    if _server is not None:
        _end(_server)


def _end(server: EmbeddedServer) -> None:
    global _server
    with _lock:
        if _server is not server:
            # another thread was faster
            return
        _server = None
    atexit.unregister(server.stop)
    _let_go()
    server.stop()


def _let_go() -> None:
    """Make Prefect send its last messages, and drop connections that a new server cannot use."""
    if "prefect" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    def drain() -> None:
        for worker in (APILogWorker, EventsWorker):
            worker.drain_all(timeout=LET_GO_TIMEOUT)

    # in a thread without an event loop: with a loop it would only return a coroutine
    thread = threading.Thread(target=drain)
    thread.start()
    thread.join()


def _environment() -> dict[str, str]:
    """Return the environment of the server: the caller's, its settings, and ours."""
    environment = {**_DEFAULTS, **os.environ}
    if "prefect" in sys.modules:
        from prefect.settings import get_current_settings

        # settings that the caller has made in this process only
        environment.update(get_current_settings().to_environment_variables(exclude_unset=True))
    return {**environment, **_EMBEDDED}
