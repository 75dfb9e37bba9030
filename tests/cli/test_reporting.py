"""Reports on kept records, and two runs compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rios_flows.cli import program, reporting
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports.recordfiles import KeptRun, read_records, write_records
from rios_flows.reports.records import STAGES, BlockRecord, RunInfo
from rios_flows.rioserrors import FileOpenError, ParameterError

#: 4 x 3 blocks.
GRID = BlockGrid(100, 80, (30, 30), 2)


def a_run(slow: float = 1.0) -> KeptRun:
    """Block n takes n / 10 s to compute, and 1 / 100 s to read and write."""
    records = []
    for number, block in enumerate(GRID):
        start = float(number)
        for stage, seconds in zip(STAGES, (0.01, slow * number / 10, 0.01), strict=True):
            end = start + seconds
            records.append(BlockRecord(block, stage, "", "main", "host:1", 1, start, end, 9))
    return KeptRun(RunInfo("a <run>", GRID, ("main",), records), 13.5 * slow)


def keep(folder: Path, name: str, run: KeptRun) -> str:
    path = folder / name
    write_records(path, run.info, run.seconds)
    return str(path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(program.app, arguments)


def test_records_come_back(tmp_path: Path) -> None:
    run = a_run()
    assert read_records(keep(tmp_path, "a.json", run)) == run


def test_files_without_records(tmp_path: Path) -> None:
    with pytest.raises(FileOpenError, match="Unable to read the records"):
        read_records(tmp_path / "a.json")
    for text in ("{}", "[", '{"name": 5}'):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ParameterError, match="holds no records of a run"):
            read_records(tmp_path / "a.json")


@pytest.mark.parametrize("command", ["report", "compare"])
@pytest.mark.parametrize("text", [None, "{}"])
def test_what_is_given_is_wrong(tmp_path: Path, command: str, text: str | None) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    done = call(command, *[str(path)] * (2 if command == "compare" else 1), "--json")
    assert done.exit_code == 2
    assert str(path) in json.loads(done.stdout)["error"]["message"]
    assert "Traceback" not in done.stderr


def test_report(tmp_path: Path) -> None:
    path = keep(tmp_path, "a.json", a_run())
    told = json.loads(call("report", path, "--json").stdout)
    assert told["blocks"] == 12
    stages = {each["stage"]: each for each in told["stages"]}
    assert stages["compute"]["seconds"] == pytest.approx(6.6)
    slowest = stages["compute"]["slowest"]
    assert [(each["row"], each["column"]) for each in slowest] == [
        divmod(number, 4) for number in range(11, 1, -1)
    ]
    assert slowest[0] == {
        "row": 2,
        "column": 3,
        "seconds": pytest.approx(1.1),
        "ratio": pytest.approx(1.1 / 0.55),
        "lane": "main",
        "worker": "1",
        "host": "host",
    }
    text = call("report", path).stdout
    _, _, compute = text.partition("### Slowest blocks: compute\n")
    assert "\n| 2 | 3 | 1.100 | 2.0 | main | 1 | host |\n| 2 | 2 | 1.000 |" in compute


def test_report_in_files(tmp_path: Path) -> None:
    path = keep(tmp_path, "a.json", a_run())
    done = call("report", path, "--to", str(tmp_path / "a.html"))
    assert done.exit_code == 0
    # the report is there, and not here, too
    assert done.stdout == f"wrote {tmp_path / 'a.html'}\n"
    page = (tmp_path / "a.html").read_text()
    assert "<title>a &lt;run&gt;</title>" in page
    assert page.count("data:image/png;base64,") == 2
    assert call("report", path, "--to", str(tmp_path / "pictures")).exit_code == 0
    for name in ("timeline.png", "heatmap.png"):
        assert (tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG")


def test_a_report_that_is_printed_and_written(tmp_path: Path) -> None:
    path = keep(tmp_path, "a.json", a_run())
    done = call("report", path, "--json", "--to", str(tmp_path / "new" / "a.html"))
    assert json.loads(done.stdout)["blocks"] == 12
    assert (tmp_path / "new" / "a.html").exists()


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    path = keep(tmp_path, "a.json", a_run())
    for target in (f"{path}/a.html", f"{path}/pictures", path):
        done = call("report", path, "--to", target)
        assert done.exit_code == 2
        assert done.stdout == ""
        assert f"--to '{target}' cannot be written to" in done.stderr
        assert len(done.stderr.splitlines()) <= 2


def test_compare(tmp_path: Path) -> None:
    first, second = keep(tmp_path, "a.json", a_run()), keep(tmp_path, "b.json", a_run(2.0))
    told = json.loads(call("compare", first, second, "--json").stdout)
    ratios = {each["what"]: each["ratio"] for each in told["times"]}
    assert ratios["whole run"] == pytest.approx(2)
    assert ratios["compute, all"] == pytest.approx(2)
    assert ratios["read, median block"] == pytest.approx(1)
    assert "compute, median block" in call("compare", first, second).stdout
    assert reporting.compare(a_run(), a_run(2.0)) == told


def test_a_run_that_failed_before_its_first_block(tmp_path: Path) -> None:
    info = RunInfo("a *run*", GRID, ("main",), [])
    write_records(tmp_path / "a.json", info, 0.5, ValueError("no | luck"))
    kept = read_records(tmp_path / "a.json")
    assert reporting.pictures(kept) == {}
    assert reporting.report(kept)["error"].endswith("no | luck")
    assert reporting.text_of(kept).startswith("**The run failed: ")
    assert reporting.save(kept, str(tmp_path / "a.html")) == [tmp_path / "a.html"]
    told = call("report", str(tmp_path / "a.json"), "--to", str(tmp_path / "pictures")).stdout
    assert told == "no picture was written: the run has not finished a block\n"
