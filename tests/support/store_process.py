"""A store in a process of its own.

pyogrio, and rasterio here and there, keep Python's lock while they wait for a store, so that one
in a thread could never answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.stores import S3, Store, s3_service, serving


class StoreProcess:
    """A store that runs elsewhere."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, kind, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.address = self._answer()["address"]

    def noted(self) -> dict[str, Any]:
        """Return what was asked for since the last time: bytes by path, and keys that signed it."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def store_process(kind: str, folder: Path) -> Iterator[StoreProcess]:
    """Run a store while the block lasts: "http" or "s3"."""
    process = StoreProcess(kind, folder)
    try:
        yield process
    finally:
        process.close()


def _note_keys(service: S3) -> set[str]:
    """Note which keys sign the requests."""
    keys: set[str] = set()
    application = service._application

    def noted(environ: dict[str, Any], start_response: Any) -> Any:
        signed = environ.get("HTTP_AUTHORIZATION", "Credential=nobody/")
        keys.add(signed.partition("Credential=")[2].partition("/")[0])
        return application(environ, start_response)

    service._application = noted  # type: ignore[assignment]
    return keys


def _talk(store: Store | S3, keys: set[str]) -> None:
    print(json.dumps({"address": store.address}), flush=True)  # noqa: T201
    for _ in sys.stdin:
        sent: dict[str, int] = {}
        for request in store.requests:
            sent[request.path] = sent.get(request.path, 0) + request.sent
        print(json.dumps({"sent": sent, "keys": sorted(keys)}), flush=True)  # noqa: T201
        store.requests.clear()
        keys.clear()


if __name__ == "__main__":
    if sys.argv[1] == "s3":
        with s3_service() as service:
            _talk(service, _note_keys(service))
    else:
        with serving(Path(sys.argv[2])) as store:
            _talk(store, set())
