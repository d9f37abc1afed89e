"""Problems are said of the setting that asked, unless another file is at fault."""

import pytest

from mse.errors import InputError, Problem
from mse.settings.places import JobFile
from mse.tables.areapairs import read_neighbours

JOB = JobFile.of("job.toml", 'title = "x"\n\n[estimate]\nneighbours = "pairs.csv"\n')


def test_a_file_without_rows_is_blamed_itself(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("area,neighbour\n")
    with pytest.raises(InputError) as caught, JOB.blame(("estimate", "neighbours")):
        read_neighbours(path, ["a", "b"])
    assert [(p.file, p.row) for p in caught.value.problems] == [(str(path), None)]


def test_a_file_that_is_not_there_is_a_problem_of_the_setting():
    with pytest.raises(InputError) as caught, JOB.blame(("estimate", "neighbours")):
        raise InputError(Problem("there is no such file", "a file", "check the path", file="pairs.csv"))
    assert [(p.file, p.row) for p in caught.value.problems] == [("job.toml", 4)]
