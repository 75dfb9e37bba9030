"""How a function is applied to attribute tables."""

from __future__ import annotations

from typing import Any

from rios_flows import rioserrors
from rios_flows.controls import checks
from rios_flows.tables.progress import Show

#: How many rows an output table gets: those of the inputs, a fixed number, or those written.
RCM_EQUALS_INPUT, RCM_FIXED, RCM_INCREMENT = 0, 1, 2


class RatApplierControls:
    """How a function is applied to attribute tables.

    Attributes
    ----------
    blockLen : int
        Rows in a block.
    rowCount : int or None
        How many rows there are to go through, where there are no inputs.
    """

    def __init__(self) -> None:
        self.blockLen = 100_000
        self.rowCount: int | None = None
        self.rowCountMethod = RCM_EQUALS_INPUT
        self.totalsize: int | None = None
        self.progress: Any = None
        self.useStringDType = False
        self.writeAtOnce = False

    def setBlockLength(self, blockLen: int) -> None:
        """Set how many rows a block has."""
        self.blockLen = _whole("setBlockLength", blockLen, 1)

    def setRowCount(self, rowCount: int) -> None:
        """Set how many rows to go through where there are no inputs."""
        self.rowCount = _whole("setRowCount", rowCount, 0)

    def outputRowCountHandling(
        self,
        method: int = RCM_EQUALS_INPUT,
        totalsize: int | None = None,
        incrementsize: int | None = None,
    ) -> None:
        """Set how many rows the output tables get.

        Parameters
        ----------
        method : int
            ``RCM_EQUALS_INPUT`` (as many as the inputs), ``RCM_FIXED`` (``totalsize``) or
            ``RCM_INCREMENT`` (as many as are written). No table gets shorter.
        totalsize : int, optional
            How many rows, with ``RCM_FIXED``.
        incrementsize : int, optional
            Has no effect: a table gets its length once, after the last block.

        Raises
        ------
        ParameterError
            If the method is unknown, or has no ``totalsize`` and needs it.
        """
        if method not in (RCM_EQUALS_INPUT, RCM_FIXED, RCM_INCREMENT):
            raise rioserrors.ParameterError(
                f"outputRowCountHandling: method={method!r}; give RCM_EQUALS_INPUT, RCM_FIXED or "
                "RCM_INCREMENT"
            )
        if method == RCM_FIXED:
            totalsize = _whole("outputRowCountHandling: totalsize", totalsize, 0)
        self.rowCountMethod, self.totalsize = method, totalsize

    def setProgress(self, progress: Any) -> None:
        """Set what shows the progress, such as ``cuiprogress.CUIProgressBar()``.

        Raises
        ------
        ParameterError
            If it is no object with ``setProgress``.
        """
        try:
            self.progress = checks.progress(progress)
        except ValueError as error:
            raise rioserrors.ParameterError(
                f"setProgress({progress!r}): it must be {error}"
            ) from None

    def setWriteAtOnce(self, writeAtOnce: bool) -> None:
        """Set whether each block is written into the tables when the function has returned it.

        That is as RIOS does it, and faster where columns are there already; but where a table is
        kept in the file (HFA, Zarr stores), a failure leaves it with new values up to the block
        that failed. The first block says of which type a new column is. By
        default the tables change after the last block. With ``RCM_INCREMENT`` and for outputs of
        one file under several names, they always do.
        """
        self.writeAtOnce = bool(writeAtOnce)

    @property
    def shows(self) -> list[Show]:
        """What shows the progress."""
        return [] if self.progress is None else [self.progress.setProgress]

    def setUseStringDType(self, useStringDType: bool) -> None:
        """Set whether text comes as numpy's ``StringDType``, or as bytes in UTF-8."""
        self.useStringDType = bool(useStringDType)


def _whole(what: str, value: Any, least: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if number != value or number < least:
        raise rioserrors.ParameterError(f"{what}={value!r}: give a whole number from {least} on")
    return number
