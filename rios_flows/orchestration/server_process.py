"""The embedded Prefect server; `embedded_server` runs this script.

It first takes a free port on loopback and writes its number to stdout, then imports and serves.
Clients that connect meanwhile get their answers when the server is up. It ends when its stdin
closes, so it cannot outlive the process that started it, however that ends.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading

#: How long to wait for open requests when told to end (s).
GRACE = 3


def main() -> None:
    """Serve until told to end."""
    # nothing from start-up can be collected, and trying costs a fifth of the time
    gc.disable()
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    # the parent reads only this line
    os.dup2(2, 1)
    _serve(listener)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _serve(listener: socket.socket) -> None:
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    # the database is there, and a new user of a container may have no home yet
    get_current_settings().home.mkdir(parents=True, exist_ok=True)
    app = create_app()
    gc.enable()
    gc.freeze()
    config = uvicorn.Config(
        app,
        log_level="error",
        lifespan="on",
        access_log=False,
        timeout_graceful_shutdown=GRACE,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
