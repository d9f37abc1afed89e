"""The groups of a netCDF file as plain arrays: xarray, which writes them, takes longer to load than they to read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


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
    import h5netcdf  # type: ignore[import-untyped]

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
