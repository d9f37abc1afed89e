"""What is printed of an answer that stands without a results folder."""

from dataclasses import replace

import pytest

import mse
from mse.answers.estimates import Verdict
from mse.publish.wording.messages import read_catalogue
from mse.publish.wording.plainanswer import answer_lines


@pytest.fixture(scope="module")
def register():
    return mse.estimate("irregular-immigrants-netherlands-repeat")


@pytest.fixture(scope="module")
def overlap():
    return mse.estimate("uk-2013-4")


def refused(found):
    return replace(found, verdict=Verdict("do not publish", (), ()))


def test_numbers_are_rounded_as_on_the_pages(register, overlap):
    first, verdict, beside, *_ = answer_lines(register, 0.95, read_catalogue("en"))
    assert first == "About 9,500 persons (95% interval 4,000 to 33,500); 1,880 of them are in the register."
    assert verdict == "Verdict: PUBLISH WITH CAUTION" and "if one of the shapes held exactly" in beside
    first, _, beside, *_ = answer_lines(overlap, 0.95, read_catalogue("nl"))
    assert first.startswith("Er zijn 2.428 personen geregistreerd op ten minste één van vier lijsten")
    assert "identificerende aanname" in beside


@pytest.mark.parametrize("which", ["register", "overlap"])
def test_what_the_verdict_refuses_is_for_the_record(which, request):
    found = request.getfixturevalue(which)
    first, verdict, *rest = answer_lines(refused(found), 0.95, read_catalogue("en"))
    assert "does not support" in first and "For the record, not for citation" in first
    assert verdict == "Verdict: DO NOT PUBLISH" and not any(line.startswith("Cite") for line in rest)
    first, verdict, *_ = answer_lines(replace(found, verdict=None), 0.95, read_catalogue("en"))
    assert first.startswith("Not for citation until it has been judged") and verdict == "Verdict: NOT JUDGED"
