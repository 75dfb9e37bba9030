"""A real Slurm of two nodes with two processors each, all on loopback and in one directory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")

#: Memory of a node, as it is told (MB); a job that names no memory gets 500 MB a processor.
MEMORY = 2000

CONFIGURATION = """
ClusterName=lab
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller_port}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
# linuxproc loses processes that are re-parented
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobcomp.txt
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=10000,bf_interval=2
# takes the processors and the memory below, whatever the machine has
SlurmdParameters=config_overrides
KillWait=2
OverTimeLimit=0
InactiveLimit=0
MinJobAge=300
MaxArraySize=1001
DefMemPerCPU=500
PropagateResourceLimitsExcept=MEMLOCK
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={port_1} CPUs=2 RealMemory={memory}
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={port_2} CPUs=2 RealMemory={memory}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Say what this machine lacks to run a Slurm of its own; empty where nothing is."""
    if os.getuid() != 0:
        return "Slurm's daemons start jobs as their users: only root can run them"
    lacking = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    return f"{', '.join(lacking)} not found: install slurm-wlm and munge" if lacking else ""


class Cluster:
    """The daemons of one Slurm; ended by :meth:`stop`.

    Attributes
    ----------
    environment : dict
        What Slurm's commands need to find it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._stack = ExitStack()
        with ExitStack() as stack:
            self._stack = stack
            self._start()
            self._stack = stack.pop_all()

    def run(self, *command: str) -> str:
        """Run one of Slurm's commands, and return what it prints."""
        done = subprocess.run(
            command,
            env={**os.environ, "PATH": _path(), **self.environment},
            capture_output=True,
            text=True,
            timeout=30,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: rc {done.returncode}: {done.stderr}")
        return done.stdout

    def stop(self) -> None:
        """Cancel all jobs, then end the daemons, each by its own process id."""
        with self._stack:
            self.run("scancel", "--user=root", "--state=PENDING")
            self.run("scancel", "--user=root", "--signal=KILL", "--full")
            _wait(10, "the end of all jobs", lambda: not self.run("squeue", "-h"))

    def _start(self) -> None:
        folder = self.folder
        for name in ("state", "spool.n1", "spool.n2"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.touch(0o400)
        key.write_bytes(os.urandom(128))
        ports = dict(zip(("controller_port", "port_1", "port_2"), _free_ports(3), strict=True))
        text = CONFIGURATION.format(folder=folder, memory=MEMORY, **ports)
        (folder / "slurm.conf").write_text(text)
        self._daemon(
            # forced, since others cannot reach the socket in this directory, nor need to
            *("munged", "--force", f"--key-file={key}", f"--socket={folder}/munge.sock"),
            *(f"--seed-file={folder}/munge.seed", f"--log-file={folder}/munge.log"),
            *(f"--pid-file={folder}/munge.pid", "--num-threads=2", "--foreground"),
        )
        _wait(10, "munged", lambda: self.run("munge", "-S", f"{folder}/munge.sock", "-n"))
        self._daemon("slurmctld", "-D", "-c")
        for node in ("n1", "n2"):
            self._daemon("slurmd", "-D", "-N", node)
        _wait(30, "the nodes", lambda: self.run("sinfo", "-h", "-N", "-o", "%t").count("idle") == 2)

    def _daemon(self, *command: str) -> None:
        env = {**os.environ, "PATH": _path(), **self.environment}
        with (self.folder / f"{command[0]}-{command[-1].strip('-')}.out").open("w") as out:
            process = subprocess.Popen(
                # should nobody be left to end it
                ("timeout", "3600", *command),
                env=env,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                cwd="/",
            )
        self._stack.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _wait(seconds: float, what: str, condition: Callable[[], object]) -> None:
    end = time.monotonic() + seconds
    said: object = ""
    while time.monotonic() < end:
        try:
            if condition():
                return
        except RuntimeError as error:
            said = error
        time.sleep(0.1)
    raise TimeoutError(f"Slurm: waited {seconds} s for {what}; {said}")


def _path() -> str:
    # the daemons' directory is not on everyone's path
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
