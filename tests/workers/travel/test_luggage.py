"""User functions and ``otherArgs`` of all kinds, sent to a worker and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.luggage import ROOT, run_script

#: How a script makes the function ``f``, which has to return 42.
FUNCTIONS = {
    "function": "def f(i, a, o, other): return LIMIT + 2\nLIMIT = 40",
    "lambda": "f = lambda *_: 42",
    "closure": """
def make(n):
    def f(i, a, o, other):
        return n + 1
    return f
f = make(41)
""",
    "method": """
class Model:
    def __init__(self): self.weight = 6
    def apply(self, i, a, o, other): return 7 * self.weight
f = Model().apply
""",
    "class method": """
class Model:
    weight = 6
    @classmethod
    def apply(cls, i, a, o, other): return 7 * cls.weight
f = Model.apply
""",
    "callable object": """
class Base:
    def __call__(self, i, a, o, other): return self.value
class Model(Base):
    value = 41
    def __call__(self, i, a, o, other): return 1 + super().__call__(i, a, o, other)
f = Model()
""",
    "partial": """
import functools
def g(i, a, o, other, n): return n
f = functools.partial(g, n=42)
""",
    "decorated": """
import functools
def plus_one(g):
    @functools.wraps(g)
    def inner(*args): return g(*args) + 1
    return inner
@plus_one
def f(i, a, o, other): return 41
""",
    "cached": """
import functools
@functools.lru_cache(maxsize=7)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def f(i, a, o, other): return fib(9) + fib.cache_parameters()["maxsize"] + 1
""",
    "cached method": """
import functools
class Model:
    @functools.cache
    def value(self): return 42
    def apply(self, i, a, o, other): return self.value()
f = Model().apply
""",
    "interactive": "exec('def f(i, a, o, other): return g()\\ndef g(): return 42')",
    "numpy": "import numpy as np\ndef f(i, a, o, other): return int(np.full(42, 1).sum())",
    "enum and data class": """
import dataclasses, enum, typing
class Kind(enum.Enum):
    GOOD = 42
@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    kind: Kind
class Pair(typing.NamedTuple):
    a: Choice
    b: int = 0
pair = Pair(Choice(Kind.GOOD))
def f(i, a, o, other):
    assert pair.a.kind is Kind.GOOD and pair.b == 0
    return pair.a.kind.value
""",
    "module": "import helper\ndef f(i, a, o, other): return helper.answer()",
    "of a module": "from helper import ask as f",
    "changed module": "import changed\nchanged.base = 20\nf = lambda *_: changed.answer() + 20",
    "modules in a circle": "import helper, other\ndef f(*_): return other.third() + 21",
    "class of a module": "import helper\nf = helper.Model().apply",
    "module with a lock": "import helper, locked\ndef f(*_): return locked.value()",
}

HELPER = """
import functools
import other
base = 40
def answer(): return base + other.two()
def ask(i, a, o, others): return answer()
@functools.cache
def cached(): return 42
class Model:
    def apply(self, i, a, o, others): return cached()
"""
OTHER = """
import helper
def two(): return 2
def third(): return helper.answer() // 2
"""
LOCKED = """
import threading
_lock = threading.Lock()
def value(): return 42
def guarded():
    with _lock:
        return 42
"""
CHANGED = "base = 40\ndef answer(): return base + 2"
BESIDE = {"changed": CHANGED, "helper": HELPER, "other": OTHER, "locked": LOCKED}

#: Packs all of them; a worker unpacks them when nothing is left of the script.
SEND_ALL = """
import os, pathlib, pickle, shutil, subprocess
from rios_flows.workers.travel import luggage
from tests.support.luggage import ROOT
jobs = []
for code in {codes!r}:
    exec(code, globals())
    jobs.append(luggage.pack(work_of(f)))
pathlib.Path("jobs").write_bytes(pickle.dumps(jobs))
for path in pathlib.Path().glob("*.py"):
    path.unlink()
worker = f'''
import pathlib, pickle, sys
sys.path.append({{str(ROOT)!r}})
from rios_flows.workers.travel import luggage
for job in pickle.loads(pathlib.Path("jobs").read_bytes()):
    try:
        print(luggage.unpack(job)._function(None, None, None, None))
    except BaseException as error:
        print(repr(error))
'''
subprocess.run([sys.executable, "-c", worker], check=True, timeout=60)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    code = SEND_ALL.format(codes=list(FUNCTIONS.values()))
    told = run_script(code, tmp_path_factory.mktemp("script"), **BESIDE).splitlines()
    return dict(zip(FUNCTIONS, told, strict=True))


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions(kind: str, answers: dict[str, str]) -> None:
    assert answers[kind] == "42"


def test_an_interactive_session(tmp_path: Path) -> None:
    """It has no file, and modules lie in the working directory."""
    (tmp_path / "helper.py").write_text("class Model:\n    weight = 6\n")
    code = f"""
import sys; sys.path.append({str(ROOT)!r})
from tests.support.luggage import there_and_back
import helper
class Mine: pass
def f(i, a, o, other): return [helper.Model.weight, Mine(), helper.Model()]

weight, mine, model = there_and_back(f)[0]
print(weight, type(mine) is Mine, type(model) is helper.Model)
"""
    command = [sys.executable, "-q", "-"]
    done = subprocess.run(
        command, input=code, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "6 True True\n", done.stderr


IDENTITY = """
import enum, functools
import helper
from rios_flows.structures import OtherInputs

class Mine:
    made = []
    def __init__(self, value):
        self.value = value
    def double(self):
        return 2 * self.value
class Kind(enum.Enum):
    A = 1
@functools.cache
def cached(n):
    return n

double, ask = Mine.double, helper.ask

def f(i, a, o, other):
    other.mine.value += 1
    other.added = [Mine(5), helper.Model(), Kind.A]
    Mine.made.append("in the worker")
    Mine.double = None
    helper.Model.apply = None
    return Mine, f, cached, helper.ask, helper

other = OtherInputs()
other.mine, other.model, other.kind, other.call = Mine(1), helper.Model(), Kind.A, f
result, back = there_and_back(f, other)
assert type(back) is OtherInputs and back is not other
assert type(back.mine) is Mine and back.mine.value == 2 and back.mine.double() == 4
assert type(back.model) is helper.Model and back.model.apply(1, 2, 3, 4) == 42
assert back.kind is Kind.A and back.call is f
mine, model, kind = back.added
assert type(mine) is Mine and type(model) is helper.Model and kind is Kind.A
assert result == (Mine, f, cached, helper.ask, helper), result
# nothing of the caller's was changed
assert Mine.double is double and Mine.made == [] and helper.ask is ask
assert other.mine.value == 1 and not hasattr(other, "added")
"""


def test_what_comes_home_is_of_the_callers_classes(tmp_path: Path) -> None:
    run_script(IDENTITY, tmp_path, **BESIDE)


def test_errors_and_classes_made_in_the_worker(tmp_path: Path) -> None:
    code = """
import pickle
class Bad(Exception):
    pass
def f(i, a, o, other):
    from rios_flows.runs.blockwork import BlockResult
    class New:
        value = 7
    other["new"] = New()
    error = Bad("row 3")
    error.__cause__ = Bad("a hole")
    # as a connection pickles it
    return pickle.dumps(BlockResult(None, [], "worker", error))
data, other = there_and_back(f, {})
error = pickle.loads(data).error
assert type(error.__cause__) is Bad and error.__cause__.args == ("a hole",)
assert type(error) is Bad and error.args == ("row 3",)
assert other["new"].value == 7
"""
    run_script(code, tmp_path)


def test_a_state_that_is_sent_again(tmp_path: Path) -> None:
    """A worker that replaces another gets the job as it was, and ``otherArgs`` as they are."""
    code = """
import os, pathlib, subprocess
from rios_flows.workers.travel import luggage
from tests.support.luggage import ROOT
class Mine:
    n = 1
def f(i, a, o, other):
    assert type(other["mine"]) is Mine
    other["mine"].n += 1
pathlib.Path("job").write_bytes(luggage.pack(work_of(f, {"mine": Mine()})))
_, state = there_and_back(f, {"mine": Mine()})
pathlib.Path("state").write_bytes(luggage.pack_state(state))
worker = f'''
import pathlib, sys
sys.path.append({str(ROOT)!r})
from rios_flows.workers.travel import luggage
work = luggage.unpack(pathlib.Path("job").read_bytes())
work.other_args = luggage.unpack_state(pathlib.Path("state").read_bytes())
work._function(None, None, None, work.other_args)
pathlib.Path("home").write_bytes(luggage.pack_state(work.other_args))
'''
subprocess.run([sys.executable, "-c", worker], check=True, timeout=60)
back = luggage.unpack_state(pathlib.Path("home").read_bytes())["mine"]
assert type(back) is Mine and back.n == 3
"""
    run_script(code, tmp_path)


FORK = """
import os, threading
from rios_flows.workers.travel import identities, luggage
class Mine:
    pass
def f(i, a, o, other):
    return Mine()
job = luggage.pack(work_of(f))
reading, writing = os.pipe()
def fork():
    global child
    child = os.fork()
    if child == 0:
        try:
            work = luggage.unpack(job)
            os.write(writing, luggage.pack_state(work._function(None, None, None, None)))
        finally:
            os._exit(0)
# a thread that is packing is not there in the child
with identities.LOCK:
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
os.waitpid(child, 0)
assert type(luggage.unpack_state(os.read(reading, 10_000))) is Mine
"""


def test_a_forked_worker(tmp_path: Path) -> None:
    run_script(FORK, tmp_path)


WHOLE_JOB = """
import pathlib, pickle, subprocess
from rios_flows.gdal.settings import run_options
from rios_flows.runs.blockwork import BlockWork
from rios_flows.workers.travel import luggage
from tests.support.luggage import ROOT, real_plan
class Total:
    sum = 0
def f(info, inputs, outputs, other):
    outputs.result = inputs.image + 2
    other.sum += int(inputs.image.sum())
plan = real_plan(pathlib.Path())
job = luggage.pack(BlockWork(plan, f, Total(), run_options()))
pathlib.Path("job").write_bytes(job)
worker = f'''
import pathlib, pickle, sys
sys.path.append({str(ROOT)!r})
from rios_flows.workers.travel import luggage
with luggage.unpack(pathlib.Path("job").read_bytes()) as work:
    blocks = list(work.plan.blocks)
    results = [work.run(block) for block in blocks]
    home = pickle.dumps((results, luggage.pack_state(work.other_args)))
pathlib.Path("home").write_bytes(home)
'''
subprocess.run([sys.executable, "-c", worker], check=True, timeout=60)
results, state = pickle.loads(pathlib.Path("home").read_bytes())
assert all(result.error is None for result in results), results[0].error
assert sum(result.outputs.result.sum() for result in results) == 3 * 30 * 40
total = luggage.unpack_state(state)
assert type(total) is Total and total.sum == 30 * 40
"""


def test_a_whole_job(tmp_path: Path) -> None:
    run_script(WHOLE_JOB, tmp_path)
