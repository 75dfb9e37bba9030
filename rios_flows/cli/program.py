"""The command `rios-flows`: runs, plans and checks jobs that are described in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from rios_flows.cli.failing import exit_codes, given
from rios_flows.version import __version__

_Words = TypeVar("_Words")

app = typer.Typer(
    name="rios-flows",
    help="Apply a function block by block over rasters, as a file describes it.",
    epilog="Exit codes: 0 done, 1 the job failed or something is amiss, 2 what the command was "
    "given is wrong and nothing was done, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _settable(begun: str) -> list[str]:
    """Complete the name of a value that a job may have."""
    from rios_flows.jobs.descriptionschema import CONTROLS_SCHEMA

    controls = [f"controls.{name}=" for name in CONTROLS_SCHEMA["properties"]]
    names = ["function=", "infiles.", "outfiles.", "otherArgs.", *controls]
    return [name for name in names if name.startswith(begun)]


def _kinds(begun: str) -> list[str]:
    """Complete the name of a kind of compute workers."""
    from rios_flows.cli.doctoring import KINDS

    return [name for name in KINDS if name.startswith(begun)]


JobFile = Annotated[
    str,
    typer.Argument(
        metavar="JOB.yaml", help="The job: a YAML or JSON file, or - for standard input."
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        autocompletion=_settable,
        help="A value that wins over the file's, as controls.windowxsize=512; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
UsePrefect = Annotated[
    bool | None,
    typer.Option(
        "--prefect/--engine",
        help="Run as a Prefect flow, or without Prefect (default: as a flow where a Prefect API "
        "is configured)",
    ),
]
Records = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Keep the run's records here, for `report` and `compare`."),
]
RecordFile = Annotated[
    str, typer.Argument(metavar="RECORDS", help="A file that `run --records` has written.")
]


def main() -> None:
    """Run the command of the command line."""
    # a function beside the job is found as with `python -m`
    sys.path.insert(0, "")
    app()


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _print_json(words: Any) -> None:
    _print(json.dumps(words, indent=2, ensure_ascii=False, default=str))


def _show(words: _Words, text_of: Callable[[_Words], str], as_json: bool) -> None:
    _print_json(words) if as_json else _print(text_of(words))


@app.callback(invoke_without_command=True)
def version(
    shown: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Apply a function block by block over rasters, as a file describes it."""
    if shown:
        _print(f"rios_flows {__version__}")
        raise typer.Exit


@app.command(epilog="Example: rios-flows run job.yaml --set controls.windowxsize=512 --engine")
def run(
    job: JobFile,
    changes: Changes = None,
    prefect: UsePrefect = None,
    records: Records = None,
    as_json: AsJson = False,
) -> None:
    """Run a job, with a progress bar on a terminal."""
    from rios_flows.cli import running

    with exit_codes(as_json):
        described = running.read(job, changes or (), records)
        done = running.run(described, prefect)
    _show(done, running.text_of, as_json)


@app.command(epilog="Example: rios-flows plan job.yaml --set infiles.dem=other.tif")
def plan(job: JobFile, changes: Changes = None, as_json: AsJson = False) -> None:
    """Say what a job would do: grid, blocks, memory, inputs and outputs. Nothing is written."""
    from rios_flows.cli import planning, running

    with exit_codes(as_json):
        planned = planning.plan(running.read(job, changes or ()))
    _show(planned, planning.text_of, as_json)


@app.command(epilog="Example: rios-flows schema > job.schema.json")
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="It is JSON in any case.")] = True,
) -> None:
    """Print the JSON Schema of jobs, for editors that check and complete YAML."""
    from rios_flows.jobs.description import Description

    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    _print_json({**draft, **Description.model_json_schema()})


@app.command(epilog="Example: rios-flows report records.json --to report.html")
def report(
    records: RecordFile,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.html|DIR", help="Write one HTML file, or PNGs into a directory."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show where the time of a run went, and its slowest blocks."""
    from rios_flows.cli import reporting
    from rios_flows.reports.recordfiles import read_records

    with exit_codes(as_json), given():
        kept = read_records(records)
        made = None if to is None else reporting.save(kept, to)
    if as_json:
        _print_json(reporting.report(kept))
    else:
        _print(reporting.text_of(kept) if made is None else reporting.text_of_files(made))


@app.command(epilog="Example: rios-flows compare before.json after.json")
def compare(first: RecordFile, second: RecordFile, as_json: AsJson = False) -> None:
    """Compare the times of two runs, whole and by stage."""
    from rios_flows.cli import reporting
    from rios_flows.reports.recordfiles import read_records

    with exit_codes(as_json), given():
        compared = reporting.compare(read_records(first), read_records(second))
    _show(compared, reporting.comparison_text, as_json)


@app.command(epilog="Example: rios-flows doctor slurm --partition short --try")
def doctor(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="Compute workers to look at: subproc, slurm, pbs, dask, ecs, awsbatch or pool.",
            autocompletion=_kinds,
        ),
    ] = None,
    job: Annotated[
        str | None, typer.Option(metavar="JOB.yaml", help="A job whose workers to look at.")
    ] = None,
    params: Annotated[
        str | None,
        typer.Option(metavar="FILE.json", help="A file with their computeWorkerExtraParams."),
    ] = None,
    partition: Annotated[str | None, typer.Option(help="The partition of Slurm.")] = None,
    queue: Annotated[str | None, typer.Option(help="The queue of PBS or AWS Batch.")] = None,
    address: Annotated[str | None, typer.Option(help="That of a Dask scheduler.")] = None,
    pool: Annotated[str | None, typer.Option(help="The name of a Prefect work pool.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many there are to be.")] = 1,
    tempdir: Annotated[
        str | None, typer.Option(metavar="DIR", help="The control of this name.")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared-temp/--no-shared-temp", help="Whether they see it.")
    ] = True,
    attempt: Annotated[
        bool, typer.Option("--try", help="Start one worker and have it say hello.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=1, metavar="S", help="How long it may take to come (s).")
    ] = 120,
    as_json: AsJson = False,
) -> None:
    """Look at what jobs need on this machine, or a kind of compute workers; with remedies."""
    from rios_flows.cli import doctoring, examining
    from rios_flows.doctor import findings

    with exit_codes(as_json):
        if kind is None and job is None:
            found = examining.examine()
        else:
            options = {"partition": partition, "queue": queue, "address": address, "pool": pool}
            asked = doctoring.Asked(kind, options, params, job, workers, shared, tempdir)
            found = doctoring.look(asked, attempt, patience)
    if as_json:
        _print_json([each._asdict() for each in found])
    else:
        _print("\n".join(map(findings.text_of, found)))
    if any(each.state == "bad" for each in found):
        raise typer.Exit(1)


@app.command(epilog="Example: rios-flows setup --read 8 --pool rasters")
def setup(
    pool: Annotated[
        str, typer.Option(help="Name of the work pool; '' makes none.")
    ] = "rios-process",
    pool_type: Annotated[str, typer.Option(help="Its type.")] = "process",
    read: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Lanes that may read at a time.")
    ] = None,
    compute: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Lanes that may compute at a time.")
    ] = None,
    write: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Lanes that may write at a time.")
    ] = None,
    limits: Annotated[
        bool, typer.Option(help="Make the limits that are missing (16, 64 and 8 lanes).")
    ] = True,
    automation: Annotated[
        bool, typer.Option(help="Have runs whose process has died marked as crashed.")
    ] = True,
    server_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="How the server reaches its own API, if not as here; '' leaves the task runs of "
            "such runs as they are.",
        ),
    ] = None,
    update: Annotated[bool, typer.Option(help="Change what differs, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prepare a Prefect server: work pool, concurrency limits, automations. Makes what is missing.

    Exit code 1 if something differs from what is asked for.
    """
    from rios_flows.cli import settingup

    asked: dict[str, int | None] = {"read": read, "compute": compute, "write": write}
    slots = {kind: count for kind, count in asked.items() if limits or count is not None}
    with exit_codes(as_json):
        parts = []
        for part in settingup.set_up(
            pool, pool_type, slots, automation, server_url, update=update, dry_run=dry_run
        ):
            parts.append(part)
            if not as_json:
                # at once: what was made stays, whatever comes next
                _print(settingup.text_of(part))
    if as_json:
        _print_json([settingup.words_of(part) for part in parts])
    if any(part.state == "differs" for part in parts):
        raise typer.Exit(1)
