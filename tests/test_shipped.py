"""What ships with the package is found, in a wheel as in an editable install, and is what it says it is."""

import pytest

from mse.errors import InputError, ModelError
from mse.shipped import list_tables, load_table, shipped_names, shipped_path, table_info
from mse.words import beside

TABLES = list_tables()
OVERLAP = [info for info in TABLES if info.kind == "overlap"]


def test_there_are_public_tables():
    names = [info.name for info in TABLES]
    assert names == sorted(names) and "uk-2013-5" in names
    assert len(OVERLAP) >= 24 and len(TABLES) > len(OVERLAP)


@pytest.mark.parametrize("info", OVERLAP, ids=lambda info: info.name)
def test_each_table_is_what_its_data_package_says(info):
    table = load_table(info.name)
    assert table.name == info.name and table.lists == info.lists
    assert tuple(table.strata) == info.covariates
    assert table.observed == info.observed
    assert info.title and info.sources and info == table_info(info.name)


def test_levels_stand_in_the_order_of_the_data_package():
    assert load_table("scotland-pwid-2006-4").strata["Age"] == ("Young", "Old")


def test_repeat_counts_are_not_an_overlap_table():
    with pytest.raises(ModelError, match="irregular-immigrants.*not an overlap table.*methods for one register"):
        load_table("irregular-immigrants-netherlands-repeat")


@pytest.mark.parametrize(
    ("name", "fragment"),
    [("uk-2013-55", "did you mean uk-2013-5"), ("../mse", "choose one"), ("", "choose one")],
)
def test_a_wrong_name_lists_the_right_ones(name, fragment):
    with pytest.raises(InputError) as caught:
        load_table(name)
    assert fragment in str(caught.value) and "western-us-5" in str(caught.value)


def test_the_wheel_comes_before_the_repository(tmp_path, monkeypatch):
    inside = tmp_path / "package" / "_shipped"
    (inside / "data" / "one").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "job.toml").write_text("")
    (tmp_path / "models" / ".hidden").write_text("")
    (tmp_path / "models" / "README.md").write_text("")
    monkeypatch.setattr(beside, "_IN_WHEEL", inside)
    monkeypatch.setattr(beside, "_IN_REPOSITORY", tmp_path)
    assert shipped_path("data", "one") == inside / "data" / "one"
    assert shipped_names("models") == ("job.toml",)
    assert shipped_path("models", "job.toml") == tmp_path / "models" / "job.toml"
    assert shipped_names("reports/templates") == ()
    with pytest.raises(InputError, match="nothing is there"):
        shipped_path("reports/templates", "report.html")
