"""The error of a user function can be caught by the type of its cause, too."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.basics.workererror import as_its_cause
from rios_flows.rioserrors import WorkerExceptionError

MESSAGE = "User function 'f' failed at block row 0: it's \"quoted\"\nand has two lines"


class Coded(ValueError):
    """Wants more than a message."""

    def __init__(self, code: int, *, place: str) -> None:
        super().__init__(f"{code} at {place}")
        self.code, self.place = code, place

    def __str__(self) -> str:
        return f"[{self.code}]"


class Slotted(Exception):
    __slots__ = ("depth",)

    def __init__(self, depth: int) -> None:
        self.depth = depth


class Made(Exception):
    def __new__(cls, *, code: int) -> Made:
        return super().__new__(cls, code)

    def __init__(self, *, code: int) -> None:
        self.code = code


class Loud(KeyError):
    def __str__(self) -> str:
        raise RuntimeError("never to be told")

    def __setattr__(self, name: str, value: Any) -> None:
        raise RuntimeError("never to be set")


class Final(Exception):
    def __init_subclass__(cls) -> None:
        raise RuntimeError("no heirs")


class Meta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance)


class WithMeta(Exception, metaclass=Meta):
    pass


class Both(OSError, KeyError):
    pass


def error_of(cause: BaseException) -> WorkerExceptionError:
    try:
        try:
            raise cause
        except BaseException as error:
            raise WorkerExceptionError(MESSAGE) from error
    except WorkerExceptionError as error:
        return as_its_cause(error)


def undecodable() -> Exception:
    try:
        b"\xff".decode("utf-8")
    except UnicodeDecodeError as error:
        return error
    raise AssertionError


CAUSES = [
    KeyError("red"),
    ValueError("no such luck"),
    IndexError(3),
    TypeError(),
    ZeroDivisionError("division by zero"),
    AssertionError(),
    FileNotFoundError(2, "No such file or directory", "a.tif"),
    OSError("plain"),
    MemoryError(),
    ImportError("nothing", name="nothing", path="here"),
    AttributeError("no", name="b", obj=3),
    NameError("no", name="b"),
    UnicodeEncodeError("ascii", "ä", 0, 1, "ordinal"),
    undecodable(),
    Coded(3, place="here"),
    Slotted(4),
    Made(code=5),
    WithMeta("m"),
    Both("b"),
    FloatingPointError("f"),
    rioserrors.ImageOpenError("Unable to open 'a.tif'"),
    rioserrors.KeysMismatch("no 'b'"),
    rioserrors.TimeoutError("late"),
]


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: type(cause).__name__)
def test_both(cause: Exception) -> None:
    error = error_of(cause)
    assert isinstance(error, WorkerExceptionError)
    assert isinstance(error, type(cause))
    assert str(error) == MESSAGE
    assert error.args == (MESSAGE,)
    assert error.__cause__ is cause
    assert error.__suppress_context__
    assert error.__traceback__ is not None
    told = "".join(traceback.format_exception(error))
    assert told.count("rios_flows.rioserrors.WorkerExceptionError: User function 'f' failed") == 1
    for back in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert isinstance(back, WorkerExceptionError)
        assert isinstance(back, type(cause))
        assert str(back) == MESSAGE
        assert back.args == (MESSAGE,)


def test_what_the_cause_knows() -> None:
    error: Any = error_of(FileNotFoundError(2, "No such file or directory", "a.tif"))
    for seen in (error, pickle.loads(pickle.dumps(error))):
        assert (seen.errno, seen.strerror, seen.filename) == (
            2,
            "No such file or directory",
            "a.tif",
        )
    error = error_of(Coded(3, place="here"))
    for seen in (error, pickle.loads(pickle.dumps(error))):
        assert (seen.code, seen.place) == (3, "here")
    error = error_of(ImportError("nothing", name="numpyy"))
    assert error.name == "numpyy"
    error = error_of(undecodable())
    assert (error.object, error.reason) == (b"\xff", "invalid start byte")


@pytest.mark.parametrize(
    "cause",
    [
        Exception("e"),
        RuntimeError("r"),
        StopIteration(3),
        StopAsyncIteration(),
        SyntaxError("bad", ("a.py", 3, 4, "x =")),
        ExceptionGroup("several", [ValueError()]),
        Final("f"),
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_where_there_is_no_such_class(cause: Exception) -> None:
    error = error_of(cause)
    assert type(error) is WorkerExceptionError
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == MESSAGE
    assert error.__cause__ is cause


def test_a_class_that_refuses_attributes() -> None:
    error = error_of(Loud("red"))
    assert isinstance(error, WorkerExceptionError)
    assert str(error) == MESSAGE


def test_a_class_that_no_pickle_can_name() -> None:
    class Local(LookupError):
        pass

    error = error_of(Local("here"))
    assert isinstance(error, Local)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is WorkerExceptionError
    assert str(back) == MESSAGE


def test_attributes_that_no_pickle_can_hold() -> None:
    cause = KeyError("red")
    cause.function = lambda: 3  # type: ignore[attr-defined]
    error: Any = error_of(cause)
    assert error.function() == 3
    back = pickle.loads(pickle.dumps(error))
    assert isinstance(back, KeyError)
    assert not hasattr(back, "function")


def test_notes_stay_where_they_are() -> None:
    cause, error = KeyError("red"), WorkerExceptionError(MESSAGE)
    cause.add_note("of the cause")
    error.add_note("of the error")
    error.__cause__ = cause
    assert as_its_cause(error).__notes__ == ["of the error"]


def test_one_that_has_no_cause() -> None:
    error = WorkerExceptionError(MESSAGE)
    assert as_its_cause(error) is error


def test_one_inside_another() -> None:
    inner = error_of(KeyError("red"))
    outer = error_of(inner)
    assert isinstance(outer, KeyError)
    assert outer.__cause__ is inner
    back = pickle.loads(pickle.dumps(outer))
    assert isinstance(back, KeyError)
    assert isinstance(back, WorkerExceptionError)
    assert error_of(KeyError("blue")) is not inner
    assert type(error_of(KeyError("blue"))) is type(inner)
