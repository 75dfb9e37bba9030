"""A PostgreSQL server on loopback, for a Prefect server to keep its data in."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: PostgreSQL refuses to work for root; the package makes this user.
_USER = "postgres"


@contextmanager
def postgres(port: int) -> Iterator[str]:
    """Run a server with a new, empty database; yield the URL that Prefect wants."""
    # a directory that its user may enter, unlike those of pytest
    folder = Path(tempfile.mkdtemp(prefix="rios_flows_postgres_"))
    data = folder / "data"
    try:
        if os.getuid() == 0:
            shutil.chown(folder, _USER)
        _run("initdb", "-D", data, "-U", "prefect", "-A", "trust", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
        _run("pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
        try:
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(program: str, *arguments: object) -> None:
    path = found(program)
    assert path, f"{program} is missing: install postgresql"
    done = subprocess.run(
        [path, *map(str, arguments)],
        user=_USER if os.getuid() == 0 else None,
        cwd="/",
        # what it starts keeps these open
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{program} ended with {done.returncode}"


def found(program: str) -> str | None:
    """Return where a program is: Debian puts those of its versions beside each other."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(versions[-1]) if versions else shutil.which(program)
