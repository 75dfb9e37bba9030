"""``apply()`` for people who know numpy: files, a function of arrays, and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from rios_flows import engine
from rios_flows.front import choosing, states
from rios_flows.front.arrays import Handing
from rios_flows.front.binding import Inputs, Outputs, bind, outputs_of
from rios_flows.front.calling import Calling
from rios_flows.front.errors import plainly, reworded
from rios_flows.front.items import assets_of_items, told_by_catalogue
from rios_flows.front.missing import nodata_by_output
from rios_flows.rioserrors import RiosError

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import DTypeLike

    from rios_flows.controls.concurrency import ConcurrencyStyle
    from rios_flows.controls.controls import ApplierControls
    from rios_flows.front.options import Options
    from rios_flows.reports.results import ApplierReturn


def apply(
    function: Callable[..., Any],
    inputs: Inputs,
    outputs: Outputs = None,
    *,
    masked: bool = True,
    dtype: DTypeLike | Mapping[str, DTypeLike | None] | None = "float",
    squeeze: bool = True,
    scaled: bool | None = None,
    window: int | tuple[int, int] | None = None,
    workers: int | Literal["auto"] | ConcurrencyStyle = "auto",
    state: Any = None,
    merge: Callable[[Any, Any], Any] | None = None,
    prefect: bool = False,
    **options: Unpack[Options],
) -> ApplierReturn:
    """Apply a function of arrays over rasters, block by block.

    >>> rf.apply(lambda green, red: (green - red) / (green + red),
    ...          {"green": "B3.tif", "red": "B4.tif"}, "index.tif", nodata=-9999)  # doctest: +SKIP

    Parameters
    ----------
    function : callable
        Called for each block with an array for each input, by the names of its parameters. One
        called ``info`` gets the block's place (RIOS's ``info``), one called ``state`` gets
        ``state``. It returns an array, a tuple of them in the order of ``outputs``, or a dict by
        name. Arrays are ``(rows, cols)`` or ``(bands, rows, cols)``, and have a margin of
        ``overlap`` pixels on every side, which is cut off outputs.
    inputs : dict, path or list
        Files by parameter; a dict's value may be a list of files, which comes as one array
        ``(files, rows, cols)`` or ``(files, bands, rows, cols)``. A list gives a file to each
        parameter; if the function has only one, all come as one array. In place of a file do a
        :class:`rios_flows.Raster`, a DataArray of xarray, a dataset that rasterio has open, and
        an item or asset of pystac: they are read block by block, and nothing is copied.
    outputs : dict or path, optional
        Files by name; the name of a single file is its own, without ending. None for no output.
    masked : bool
        Whether arrays are masked where nodata, mask or alpha say so, and beyond the image. Masked
        floats are NaN beneath. Masked pixels of outputs become nodata.
    dtype : dtype or dict, optional
        The type of arrays. "float": integers of 8 and 16 bits come as float32, of 32 bits as
        float64, so that differences do not wrap; others as they are. None: as in the file. A dict
        has types by name.
    squeeze : bool
        Whether an input with a single band comes as ``(rows, cols)``, unless its ``bands`` are
        given as a list.
    scaled : bool, optional
        Whether the scale and offset that a file or a DataArray tells of its bands are applied,
        which gives floats. They are not by default, as in rasterio, and a warning tells of them;
        False says that stored values are meant.
    window : int or tuple of int, optional
        Side of a block, or width and height, margin excluded (pixels); 256 by default.
    workers : int, "auto" or ConcurrencyStyle
        The most threads there may be; "auto" for as many as the process may use processors. Never
        more than processors, nor than blocks need. The function is called by several of them.
    state : object, optional
        What the function fills from block to block. Each worker has a copy.
    merge : callable, optional
        Makes one of two states; by default ``+`` where the type has it. Without, the result has a
        list of all.
    prefect : bool
        Whether to run as a Prefect flow.
    **options
        Everything else that can be asked; most take a dict to give an input or output a value of
        its own: ``resampling={"red": "cubic"}``.

    Returns
    -------
    ApplierReturn
        Outputs, ``state``, timings, working grid, and a record of every block and stage.

    Raises
    ------
    RiosError
        The first error; every output is then as it was before.
    """
    choosing.check_flags(masked=masked, squeeze=squeeze, prefect=prefect)
    inputs, chosen = assets_of_items(inputs, options)
    bound, infiles = bind(function, inputs)
    states.check_state(state, merge, bound.takes_state)
    outfiles = outputs_of(outputs)
    controls = choosing.controls_of(chosen, vars(infiles), vars(outfiles))
    choosing.set_inputs(controls, masked, scaled, told_by_catalogue(vars(infiles)))
    choosing.set_window(controls, window)
    controls.setConcurrencyStyle(choosing.style_of(workers))
    everywhere, whole = choosing.kept_whole(chosen.get("bands"))
    dtypes = choosing.dtypes_of(dtype, vars(infiles))
    handing = Handing(masked, dtypes, squeeze and not everywhere, whole, bool(scaled))
    counts = {
        name: len(entry) if isinstance(entry, list | tuple) else None
        for name, entry in vars(outfiles).items()
    }
    nodata = nodata_by_output(chosen.get("nodata"), list(counts))
    calling = Calling(function, bound, handing, counts, nodata)
    run = _as_flow if prefect else engine.apply
    with plainly():
        try:
            result = run(calling, infiles, outfiles, states.own_copy(state), controls)
        except RiosError as error:
            raise reworded(error) from error.__cause__
    result.state = states.merged(result.otherArgsList, merge)
    return result


def _as_flow(
    function: Calling, infiles: Any, outfiles: Any, other_args: Any, controls: ApplierControls
) -> ApplierReturn:
    from rios_flows import applier

    return applier.apply(function, infiles, outfiles, other_args, controls)
