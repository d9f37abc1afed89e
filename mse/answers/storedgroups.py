"""The groups of a netCDF file as plain arrays: xarray takes longer to load than they to read and write."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mse.computing.numpyonly import numpy_arrays

if TYPE_CHECKING:
    import xarray as xr

type Variables = Mapping[str, tuple[tuple[str, ...], npt.NDArray[Any]]]
"""Dimensions and values by name; what has the name of its one dimension is a coordinate."""


class Layout(NamedTuple):
    """A group as it is to be written."""

    variables: Variables
    attrs: Mapping[str, Any]


@numpy_arrays()
def as_datatree(groups: Mapping[str, Layout], attrs: Mapping[str, Any]) -> xr.DataTree:
    """Return groups by name as xarray has them, with attributes of the whole."""
    import xarray as xr

    found = {}
    for name, (variables, more) in groups.items():
        coords = {key: x for key, x in variables.items() if x[0] == (key,)}
        rest = {key: x for key, x in variables.items() if key not in coords}
        found[name] = xr.Dataset(rest, coords, more)
    tree = xr.DataTree.from_dict(found)
    tree.attrs.update(attrs)
    return tree


def group_bytes(groups: Mapping[str, Layout], attrs: Mapping[str, Any]) -> bytes:
    """Return a netCDF file (HDF5) of the same; the same groups give the same bytes."""
    import h5netcdf  # type: ignore[import-untyped]
    import h5py  # type: ignore[import-untyped]

    buffer = io.BytesIO()  # HDF5 itself does not survive a disk that is full
    with h5netcdf.File(buffer, "w") as file:
        file.attrs.update(attrs)
        for name, (variables, more) in groups.items():
            group = file.create_group(name)
            sizes = {dim: size for dims, x in variables.values() for dim, size in zip(dims, x.shape, strict=True)}
            for dim, size in sizes.items():
                group.dimensions[dim] = size
            for key, (dims, values) in variables.items():
                kind = h5py.string_dtype() if values.dtype == object else values.dtype
                fill = np.nan if values.dtype.kind == "f" else None
                group.create_variable(key, dims, kind, fillvalue=fill)[...] = values
            group.attrs.update(more)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Variables by name, texts as objects, and attributes."""

    variables: Mapping[str, npt.NDArray[Any]]
    attrs: Mapping[str, Any]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Return a variable."""
        return self.variables[name]

    def __contains__(self, name: str) -> bool:
        """Return whether there is such a variable."""
        return name in self.variables


def read_groups(content: bytes) -> tuple[Mapping[str, Group], Mapping[str, Any]]:
    """Return the groups of a file by name, and the attributes of the file.

    Parameters
    ----------
    content : bytes
        Of a file without groups inside groups.
    """
    import h5netcdf

    with h5netcdf.File(io.BytesIO(content), "r") as file:
        groups = {
            name: Group({key: _read(x[...]) for key, x in group.variables.items()}, dict(group.attrs))
            for name, group in file.groups.items()
        }
        return groups, dict(file.attrs)


def _read(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array of a file, whose texts are bytes."""
    if values.dtype != object:
        return values
    texts = [x.decode("utf-8") if isinstance(x, bytes) else x for x in values.ravel()]
    return np.array(texts, dtype=object).reshape(values.shape)
