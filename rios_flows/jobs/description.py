"""A whole call of ``apply()`` as a value: from and to words that YAML and JSON hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import (
    FilenameAssociations,
    OtherInputs,
    readable_files,
    snapshot,
)
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import changed
from rios_flows.controls.spelling import question
from rios_flows.jobs import functions, words
from rios_flows.jobs.descriptionschema import CONTROLS_SCHEMA, FILES_SCHEMA, FUNCTION_SCHEMA
from rios_flows.rioserrors import ParameterError


def _function(value: Any) -> str:
    place, _, name = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not place or not all(part.isidentifier() for part in name.split(".")):
        raise ParameterError(
            f"function={value!r} is not right: it must be 'package.module:name' or 'file.py:name'"
        )
    return str(value)


def _files(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ParameterError(
            f"{value!r} is not right: it must be files by symbolic name, as 'dem: dem.tif'"
        )
    snapshot(words.files_of({str(name): entry for name, entry in value.items()}))
    return {str(name): entry for name, entry in value.items()}


def _controls(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ParameterError(
            f"{value!r} is not right: it must be values by control, as 'windowxsize: 512'"
        )
    wrong = list(words.complaints(value))
    if wrong:
        raise ParameterError("\n".join(wrong))
    return dict(value)


def _plain(value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{value!r} is not right: JSON cannot hold it ({error})") from None
    return value


Files = Annotated[dict[str, Any], PlainValidator(_files), WithJsonSchema(FILES_SCHEMA)]
Controls = Annotated[dict[str, Any], PlainValidator(_controls), WithJsonSchema(CONTROLS_SCHEMA)]


class Call(NamedTuple):
    """The arguments of ``apply()``."""

    function: UserFunction
    infiles: FilenameAssociations
    outfiles: FilenameAssociations
    other_args: OtherInputs | Any
    controls: ApplierControls


class Description(BaseModel):
    """A job of rios_flows: a function that is applied block by block over rasters."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="rios_flows job")

    function: Annotated[
        str,
        PlainValidator(_function),
        WithJsonSchema(FUNCTION_SCHEMA),
    ] = Field(description="The user function, as package.module:name or file.py:name")
    infiles: Files = Field(default={}, description="Input files by symbolic name")
    outfiles: Files = Field(default={}, description="Output files by symbolic name")
    otherArgs: Annotated[Any, PlainValidator(_plain), WithJsonSchema({})] = Field(
        default=None,
        description="The function's fourth argument; a mapping becomes an object with attributes",
    )
    controls: Controls = Field(
        default={}, description="Controls by name; as name[image] for a single input or output"
    )

    @classmethod
    def parse(cls, given: Any, where: str = "job") -> Description:
        """Check words from anywhere.

        Parameters
        ----------
        given : mapping
            The fields by name.
        where : str
            Where the words are from; it begins the message.

        Raises
        ------
        ParameterError
            That names all that is wrong.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            wrong = [_complaint(each) for each in error.errors()]
            text = "\n".join(wrong)
            raise ParameterError(
                f"{where}: {text}" if "\n" not in text else f"{where}:\n{text}"
            ) from None

    @classmethod
    def of_call(
        cls,
        userFunction: UserFunction,
        infiles: FilenameAssociations,
        outfiles: FilenameAssociations,
        otherArgs: Any = None,
        controls: ApplierControls | None = None,
    ) -> Description:
        """Describe a call of ``apply()``.

        Raises
        ------
        ParameterError
            If the function cannot be found by a name, or JSON cannot hold something.
        """
        held = controls or ApplierControls()
        told = changed(held)
        if "concurrency" in told and held.concurrency.computeWorkerExtraParams:
            # of these only the names are shown elsewhere
            extra = held.concurrency.computeWorkerExtraParams
            told["concurrency"]["computeWorkerExtraParams"] = extra
        given = {
            "function": functions.place_of(userFunction),
            "infiles": readable_files(infiles),
            "outfiles": readable_files(outfiles),
            "otherArgs": vars(otherArgs) if isinstance(otherArgs, OtherInputs) else otherArgs,
            "controls": told,
        }
        return cls.parse(given, "this call")

    def words(self) -> dict[str, Any]:
        """Return the fields that were given, in words that YAML and JSON hold."""
        return self.model_dump(exclude_defaults=True)

    def call(self) -> Call:
        """Import the function, and make the arguments of ``apply()``; no file is opened.

        Raises
        ------
        ParameterError
            If there is no such function.
        """
        return Call(
            functions.load(self.function),
            words.files_of(self.infiles),
            words.files_of(self.outfiles),
            _with_attributes(self.otherArgs),
            words.controls_of(self.controls),
        )


def _with_attributes(other: Any) -> Any:
    if not isinstance(other, dict):
        return other
    made = OtherInputs()
    vars(made).update(other)
    return made


def _complaint(error: Mapping[str, Any]) -> str:
    """Write one of pydantic's errors in our words."""
    field = ".".join(map(str, error["loc"]))
    own = error.get("ctx", {}).get("error")
    if isinstance(own, ParameterError):
        told = str(own)
        begins = (f"{field}:", f"{field}=", "set", "ConcurrencyStyle:")
        return told if told.startswith(begins) else f"{field}: {told}"
    if error["type"] == "missing":
        return f"{field} is missing: {Description.model_fields[field].description}"
    if error["type"] == "extra_forbidden":
        known = list(Description.model_fields)
        return f"there is no {field!r}{question(field, known) or '; there are ' + ', '.join(known)}"
    given = f"{field}={error['input']!r}" if field else repr(error["input"])
    return f"{given} is not right: it must be fields by name, as 'function: package.module:name'"
