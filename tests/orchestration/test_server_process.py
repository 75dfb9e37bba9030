"""The process of the embedded server: its port at once, and its end with its parent."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from rios_flows.orchestration import server_process

ROOT = Path(server_process.__file__).parents[2]

#: It serves one line to each client, and says so.
CODE = """
from rios_flows.orchestration import server_process

def serve(listener):
    while True:
        connection, _ = listener.accept()
        print("served")
        connection.sendall(b"here")
        connection.close()

server_process._serve = serve
server_process.main()
"""


def test_it_tells_its_port_and_ends_when_nobody_holds_its_input() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            port = int(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                assert client.recv(100) == b"here"
            assert process.poll() is None
            process.stdin.close()
            assert process.wait(30) == -signal.SIGTERM
            # after its port it writes to standard error only
            assert process.stdout.read() == b""
            assert process.stderr.read() == b"served\n"
        finally:
            process.kill()
