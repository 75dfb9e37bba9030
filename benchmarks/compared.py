"""One job, the vegetation index of two bands, in the ways that ``benchmarks.compare`` measures."""

from __future__ import annotations

from typing import Any

PROFILE: dict[str, Any] = {
    "driver": "GTiff",
    "tiled": True,
    "blockxsize": 512,
    "blockysize": 512,
    "compress": "deflate",
}
OPTIONS = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE"]
CHUNKS = {"x": 1024, "y": 1024}


def index(nir: Any, red: Any) -> Any:
    return (nir - red) / (nir + red)


def rasterio_loop(nir: str, red: str, out: str) -> None:
    import rasterio

    with rasterio.open(nir) as first, rasterio.open(red) as second:
        profile = {**first.profile, **PROFILE, "dtype": "float32"}
        with rasterio.open(out, "w", **profile) as target:
            for _, window in target.block_windows(1):
                bands = [band.read(1, window=window).astype("float32") for band in (first, second)]
                target.write(index(*bands), 1, window=window)


def dask_rioxarray(nir: str, red: str, out: str) -> None:
    import threading

    import rioxarray

    bands: list[Any] = [rioxarray.open_rasterio(path, chunks=CHUNKS) for path in (nir, red)]
    result = index(*(band.astype("float32") for band in bands))
    result.rio.to_raster(out, lock=threading.Lock(), **PROFILE)


def xarray_map_blocks(nir: str, red: str, out: str) -> None:
    import threading

    import rioxarray
    import xarray

    paths = {"nir": nir, "red": red}
    bands = xarray.Dataset(
        {name: rioxarray.open_rasterio(path, chunks=CHUNKS) for name, path in paths.items()}
    ).astype("float32")
    result = xarray.map_blocks(lambda block: index(**block), bands, template=bands["nir"])
    result.rio.to_raster(out, lock=threading.Lock(), **PROFILE)


def rios_flows_apply(nir: str, red: str, out: str, **options: Any) -> None:
    import rios_flows as rf

    rf.apply(
        index,
        {"nir": nir, "red": red},
        out,
        creation_options=OPTIONS,
        omit_statistics=True,
        omit_pyramids=True,
        **options,
    )


def rios_flows_defaults(nir: str, red: str, out: str, **options: Any) -> None:
    import rios_flows as rf

    rf.apply(index, {"nir": nir, "red": red}, out, creation_options=OPTIONS, **options)
