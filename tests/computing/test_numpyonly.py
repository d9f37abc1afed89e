"""xarray does not load Dask for arrays of NumPy, and knows it as before afterwards."""

import subprocess
import sys

import pytest

SCRIPT = """
import io, sys
import numpy as np, xarray as xr
from mse.computing.numpyonly import numpy_arrays

with numpy_arrays():
    data = xr.Dataset({"a": ("x", np.arange(3.0))})
    data.to_netcdf(io.BytesIO(), engine="h5netcdf")
assert not {"dask", "dask.array", "distributed"} & set(sys.modules)
assert type(data.chunk({"x": 1})["a"].data).__module__.startswith("dask")
with numpy_arrays():
    assert data.chunk({"x": 2}).chunks["x"] == (2, 1)
"""


def test_dask_is_left_out_and_back_afterwards():
    pytest.importorskip("dask.array")
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
