"""Errors: names, families, messages, and the way through a pickle."""

from __future__ import annotations

import builtins
import pickle
import warnings

import pytest

from rios_flows import rioserrors

NAMES = [
    "RiosError",
    "FileOpenError",
    "ImageOpenError",
    "ParameterError",
    "GDALLayerNumberError",
    "ResampleNeededError",
    "OutsideImageBoundsError",
    "GdalWarpError",
    "ThematicError",
    "ProcessCancelledError",
    "KeysMismatch",
    "MismatchedListLengthsError",
    "AttributeTableColumnError",
    "AttributeTableTypeError",
    "ArrayShapeError",
    "TypeConversionError",
    "VectorAttributeError",
    "VectorGeometryTypeError",
    "VectorProjectionError",
    "VectorRasterizationError",
    "VectorLayerError",
    "WrongControlsObject",
    "RatBlockLengthError",
    "RatMismatchError",
    "IntersectionError",
    "JobMgrError",
    "ColorTableGenerationError",
    "PermissionError",
    "TimeoutError",
    "UnavailableError",
    "WorkerExceptionError",
    "SinglePassActionsError",
    "ECSError",
    "ImageReadError",
    "ImageWriteError",
    "UnsupportedControlError",
    "WorkerLostError",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_error_survives_a_pickle_with_its_message(name: str) -> None:
    kind = getattr(rioserrors, name)
    message = "block row 3, column 0 of 'out.tif': it's \"quoted\"\nand has two lines"
    error = kind(message)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert isinstance(back, rioserrors.RiosError)
    assert str(back) == str(error) == message
    assert back.args == (message,)


def test_no_error_is_missing_from_the_list() -> None:
    defined = {
        name
        for name, value in vars(rioserrors).items()
        if isinstance(value, type) and issubclass(value, rioserrors.RiosError)
    }
    assert defined == set(NAMES)


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (rioserrors.ImageOpenError, rioserrors.FileOpenError),
        (rioserrors.ImageReadError, rioserrors.FileOpenError),
        (rioserrors.FileOpenError, OSError),
        (rioserrors.ImageWriteError, OSError),
        (rioserrors.ParameterError, ValueError),
        (rioserrors.UnsupportedControlError, NotImplementedError),
        (rioserrors.KeysMismatch, KeyError),
        (rioserrors.AttributeTableColumnError, KeyError),
        (rioserrors.ArrayShapeError, ValueError),
        (rioserrors.TimeoutError, builtins.TimeoutError),
        (rioserrors.PermissionError, builtins.PermissionError),
        (rioserrors.WorkerExceptionError, RuntimeError),
        (rioserrors.UnavailableError, RuntimeError),
        (rioserrors.VectorLayerError, ValueError),
    ],
)
def test_family(kind: type[Exception], also: type[Exception]) -> None:
    assert issubclass(kind, also)


def test_a_missing_vector_layer_is_no_unopenable_file() -> None:
    assert not issubclass(rioserrors.VectorLayerError, rioserrors.FileOpenError)


def _old_way() -> None:
    rioserrors.deprecationWarning("the old way ends; go the new way")


def test_deprecation_is_told_once_for_each_calling_line() -> None:
    with warnings.catch_warnings(record=True) as told:
        # Python's own filters, as a user has them
        warnings.resetwarnings()
        warnings.simplefilter("ignore", DeprecationWarning)
        for _ in range(3):
            _old_way()
        _old_way()
    assert [str(warning.message) for warning in told] == ["the old way ends; go the new way"] * 2
    assert {warning.filename for warning in told} == {__file__}
    assert told[0].lineno != told[1].lineno
