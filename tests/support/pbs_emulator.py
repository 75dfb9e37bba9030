"""An emulator of PBS's commands, and of a server that really runs the jobs.

It reproduces what a real OpenPBS 23.06 was seen to do, its refusals included:

    python -m tests.support.pbs_emulator (qsub | qstat | qdel | serve) DIRECTORY ...
"""

from __future__ import annotations

import getopt
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.support.pbs_server import Server
from tests.support.pbs_store import QUEUES, SERVER, Job, Refusal, Store

#: The options of qsub, those with a value marked.
QSUB = "a:A:c:C:e:J:k:l:m:M:N:o:p:P:q:r:S:u:v:W:j:hIVXz"


def directives(text: str) -> list[list[str]]:
    """Return the options of the #PBS lines before the first command."""
    found = []
    for line in text.splitlines():
        if line.startswith("#PBS"):
            found.append(shlex.split(line[4:]))
        elif line.strip() and not line.startswith("#"):
            break
    return found


def qsub(store: Store, arguments: list[str]) -> None:
    """Take a job or an array, and print its id."""
    try:
        options, files = getopt.getopt(arguments, QSUB)
    except getopt.GetoptError as error:
        raise Refusal(2, f"invalid option -- '{error.opt}'\nusage: qsub ...") from None
    text = Path(files[0]).read_text() if files else sys.stdin.read()
    asked: dict[str, list[str]] = {}
    for words in directives(text):
        try:
            found, _ = getopt.getopt(words, QSUB)
        except getopt.GetoptError as error:
            line = shlex.join(words)
            said = f"invalid option -- '{error.opt}'\nqsub: directive error: {line}"
            raise Refusal(1, said) from None
        for name, value in found:
            asked.setdefault(name, []).append(value)
    # the command line beats the directives
    given: dict[str, list[str]] = {}
    for name, value in options:
        given.setdefault(name, []).append(value)
    asked.update(given)
    last = {name: values[-1] for name, values in asked.items()}
    name = last.get("-N", Path(files[0]).name if files else "STDIN")
    if not re.fullmatch(r"\S{1,230}", name):
        raise Refusal(2, "illegal -N value\nusage: qsub ...")
    if last.get("-q", QUEUES[0]) not in QUEUES:
        raise Refusal(170, "Unknown queue")
    ncpus, walltime = resources(asked.get("-l", []))
    with store.locked():
        submit(store, Job("", name, text, variables(last), "", "", ncpus, walltime), last)


def submit(store: Store, job: Job, last: dict[str, str]) -> None:
    """Put a job, or an array with its subjobs, into the queue."""
    number = store.next_number()
    first, _, final = last.get("-J", "").partition("-")
    indices = range(int(first), int(final) + 1) if final else None
    if indices is not None and len(indices) < 2:
        raise Refusal(166, "Illegal attribute or resource value")
    joined = last.get("-j", "n") in ("oe", "eo")
    whole = f"{number}[].{SERVER}" if indices is not None else f"{number}.{SERVER}"
    ids = [f"{number}[{index}].{SERVER}" for index in indices or ()]
    for index, name in zip(indices or (None,), ids or [whole], strict=True):
        one = Job(**asdict(job))
        one.id = name
        one.out = target(last.get("-o", ""), one, ".OU", f".o{number}")
        one.err = one.out if joined else target(last.get("-e", ""), one, ".ER", f".e{number}")
        if index is not None:
            one.variables |= {"PBS_ARRAY_INDEX": str(index), "PBS_ARRAY_ID": whole}
        store.put(one)
    if ids:
        job.id, job.array, job.out = whole, ids, last.get("-o", "")
        store.put(job)
    say(whole)


def target(path: str, job: Job, spooled: str, default: str) -> str:
    """Return where an output goes."""
    if path.endswith("/"):
        return f"{path}{job.id}{spooled}"
    return path or f"{job.variables['PBS_O_WORKDIR']}/{job.name}{default}"


def resources(texts: list[str]) -> tuple[int, float | None]:
    """Return the processors and the walltime that are asked for."""
    ncpus, walltime = 1, None
    for text in ",".join(texts).split(","):
        name, _, value = text.partition("=")
        if name == "walltime":
            parts = [float(part) for part in value.split(":")]
            walltime = sum(part * 60**power for power, part in enumerate(reversed(parts)))
        found = re.search(r"ncpus=([^:]*)", text)
        if found and not found[1].isdigit():
            raise Refusal(166, "Illegal attribute or resource value")
        if found:
            chunks = re.match(r"select=(\d+)", text)
            ncpus = int(found[1]) * (int(chunks[1]) if chunks else 1)
    return ncpus, walltime


def variables(last: dict[str, str]) -> dict[str, str]:
    """Return the variables of a job: those that were named, and PBS's own."""
    found = dict(os.environ) if "-V" in last else {}
    for item in re.split(r"(?<!\\),", last.get("-v", "")):
        name, equals, value = item.partition("=")
        if equals:
            found[name] = value.replace("\\,", ",")
        elif name in os.environ:
            found[name] = os.environ[name]
    origin = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL")
    found |= {f"PBS_O_{name}": os.environ.get(name, "") for name in origin}
    found |= {"PBS_O_HOST": SERVER, "PBS_O_QUEUE": QUEUES[0], "PBS_O_SYSTEM": "Linux"}
    return found | {"PBS_O_WORKDIR": os.getcwd()}


def qstat(store: Store, arguments: list[str]) -> None:
    """Print jobs, briefly or with all that is known."""
    options, names = getopt.getopt(arguments, "xftQF:")
    flags = {name for name, _ in options}
    if "-Q" in flags:
        tell_queues(names)
        return
    jobs, code = [], 0
    for name in names:
        try:
            job = store.get(name)
            if job.state == "F" and "-x" not in flags:
                raise Refusal(35, f"{job.id} Job has finished, use -x or -H to obtain history")
            jobs += [job, *(store.get(part) for part in job.array if "-t" in flags)]
        except Refusal as refusal:
            complain(f"qstat: {refusal}")
            code = refusal.code
    if not names:
        found = [job for job in store.all() if "-t" in flags or "[" not in job.id or job.array]
        jobs = [job for job in found if "-x" in flags or job.state != "F"]
    for line in [line for job in jobs for line in full(job)] if "-f" in flags else brief(jobs):
        say(line)
    sys.exit(code)


def tell_queues(names: list[str]) -> None:
    """Print all that is known of queues (OpenPBS's manual; only this was not seen)."""
    for name in names or QUEUES:
        if name not in QUEUES:
            raise Refusal(170, f"Unknown queue {name}")
        say(f"Queue: {name}")
        told = {"queue_type": "Execution", "enabled": "True", "started": "True"}
        for attribute, value in told.items():
            say(f"    {attribute} = {value}")
        say("")


def brief(jobs: list[Job]) -> Iterator[str]:
    """Tell jobs in columns; those are cut."""
    if jobs:
        yield "Job id            Name             User              Time Use S Queue"
        yield "----------------  ---------------- ----------------  -------- - -----"
    for job in jobs:
        short = job.id if len(job.id) <= 17 else f"{job.id[:16]}*"
        yield f"{short:17} {job.name[:16]:16} root              00:00:00 {job.state} workq"


def full(job: Job) -> Iterator[str]:
    """Tell all of a job; long lines go on in the next, after a tab."""
    listed = ",".join(f"{name}={value}" for name, value in job.variables.items())
    told = {
        "Job_Name": job.name,
        "Job_Owner": f"root@{SERVER}",
        "job_state": job.state,
        "queue": QUEUES[0],
        "exec_host": f"{job.host}/0" if job.host else "",
        "Output_Path": f"{SERVER}:{job.out}",
        "Variable_List": listed,
        "comment": job.comment,
        "Exit_status": "" if job.exit_status is None else str(job.exit_status),
    }
    yield f"Job Id: {job.id}"
    for name, value in told.items():
        if value:
            line = f"    {name} = {value}"
            yield "\n\t".join(line[at : at + 78] for at in range(0, len(line), 78))
    yield ""


def qdel(store: Store, names: list[str]) -> None:
    """Have the server delete jobs."""
    code = 0
    for name in names:
        try:
            job = store.get(name)
            if job.state == "F":
                raise Refusal(35, f"Job has finished {job.id}")
            for part in job.array or [job.id]:
                (store.folder / "jobs" / f"{part}.delete").touch()
        except Refusal as refusal:
            complain(f"qdel: {refusal}")
            code = refusal.code
    sys.exit(code)


def qsig(store: Store, arguments: list[str]) -> None:
    """Have the server kill jobs that run; it knows no other signal."""
    [(_, name)], jobs = getopt.getopt(arguments, "s:")
    if name not in ("KILL", "SIGKILL"):
        raise Refusal(1, f"Unknown signal: {name}")
    for job in map(store.get, jobs):
        if job.state != "R":
            raise Refusal(168, f"Request invalid for state of job {job.id}")
        (store.folder / "jobs" / f"{job.id}.kill").touch()


def say(text: str) -> None:
    """Print to the standard output."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """Print to the standard error."""
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Do what the command line says."""
    what, folder, *arguments = sys.argv[1:]
    store = Store(Path(folder))
    if what == "serve":
        Server(store).serve()
        return
    try:
        {"qsub": qsub, "qstat": qstat, "qdel": qdel, "qsig": qsig}[what](store, arguments)
    except Refusal as refusal:
        complain(f"{what}: {refusal}")
        sys.exit(refusal.code)


if __name__ == "__main__":
    main()
