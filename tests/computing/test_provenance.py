"""What is told of the libraries that take part in a result."""

from importlib import metadata

from mse.computing.provenance import versions


def test_versions_are_those_of_the_packages() -> None:
    found = versions()
    for name in ("numpy", "numba", "pandas", "mse-engine"):
        assert found[name] == metadata.version(name)
