"""COG: copied from a GTiff with all its overviews."""

from __future__ import annotations

from typing import ClassVar

from rios_flows import rioserrors
from rios_flows.basics.forks import without_threads
from rios_flows.formats.format import Cut, Format
from rios_flows.formats.gtiff import GTiff, working_format

#: Least and greatest LEVEL, by the end of COMPRESS.
_LEVELS = {"DEFLATE": (1, 12), "ZSTD": (1, 22), "LZMA": (0, 9)}

#: Options by which pixels would go to another grid.
_WARPING = ("TILING_SCHEME", "TARGET_SRS", "RES", "EXTENT")


class Cog(GTiff):
    """A cloud-optimized GTiff."""

    endings = ()
    defaults = ("COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER")
    bounds: ClassVar = {
        "LEVEL": (0, 22),
        "QUALITY": (1, 100),
        "OVERVIEW_QUALITY": (1, 100),
        "NBITS": (1, 32),
        "MAX_Z_ERROR": (0, None),
        "MAX_Z_ERROR_OVERVIEW": (0, None),
    }
    only_copies = True
    pixels_only: ClassVar = {"OVERVIEWS": "NONE"}

    @classmethod
    def of(cls, driver: str, options: dict[str, str], label: str, cut: Cut) -> Format:
        """Refuse what would change pixels or be changed by GDAL."""
        for name in _WARPING:
            if name in options:
                raise rioserrors.ParameterError(
                    f"setCreationOptions: {name} of output '{label}' would take its pixels off the "
                    "working grid; set a reference image or grid instead"
                )
        _check_level(options, label)
        # those of the file that it copies: made from each output's own pixels
        options.setdefault("OVERVIEWS", "FORCE_USE_EXISTING")
        options.setdefault("NUM_THREADS", "ALL_CPUS")
        return cls(driver, without_threads(options), working_format(label, cut))

    @property
    def most_overviews(self) -> int | None:
        """How many overviews are copied; GDAL may make others of its own."""
        if self.options.get("OVERVIEWS", "").upper() in ("NONE", "IGNORE_EXISTING"):
            return 0
        count = self.options.get("OVERVIEW_COUNT")
        return None if count is None else int(count)

    @property
    def _webp_is_lossless(self) -> bool:
        return self.options.get("QUALITY") == "100"


def _check_level(options: dict[str, str], label: str) -> None:
    """Refuse a LEVEL that the compression does not have: GDAL would use another."""
    if "LEVEL" not in options:
        return
    compression = options.get("COMPRESS", "").upper()
    for ending, (lowest, highest) in _LEVELS.items():
        if compression.endswith(ending) and not lowest <= int(options["LEVEL"]) <= highest:
            raise rioserrors.ParameterError(
                f"setCreationOptions: LEVEL={options['LEVEL']} of output '{label}' is not right: "
                f"COMPRESS={compression} takes a whole number from {lowest} up to {highest}"
            )
