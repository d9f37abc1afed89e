"""Terms and models: notation, masks, enumeration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mse.errors import ModelError
from mse.kernels.enumeration import facet_masks
from mse.terms import (
    Model,
    candidates,
    count_models,
    mask_of,
    members,
    model_of,
    notations,
    term_of,
)
from tests.twins.loglinear import all_masks

NAMES = ("LA", "NG", "PF", "GO", "GP", "NCA", "X", "Y", "Z", "Q", "R", "S")


@st.composite
def models(draw, largest=12):
    k = draw(st.integers(1, largest))
    return Model(k, tuple(draw(st.lists(st.integers(0, 2**k - 1), max_size=6))))


@settings(deadline=None)
@given(models())
def test_notation_and_names_read_back(model):
    lists = NAMES[: model.n_lists]
    assert Model.parse(model.notation, lists) == model
    assert Model.parse(model.named(lists), lists) == model
    assert Model.parse(model.named(lists).replace(":", "*"), lists) == model


@settings(deadline=None)
@given(models(largest=8))
def test_terms_are_closed_downwards_and_sorted(model):
    terms = model.terms
    held = set(terms)
    assert terms[0] == 0 and len(held) == len(terms)
    assert all(1 << j in held for j in range(model.n_lists))
    assert all(t & ~(1 << j) in held for t in terms for j in members(t))
    assert list(terms) == sorted(terms, key=lambda t: (bin(t).count("1"), t))
    assert Model(model.n_lists, terms) == model


@settings(deadline=None)
@given(models(largest=6), st.data())
def test_relabelling_there_and_back(model, data):
    order = data.draw(st.permutations(range(model.n_lists)))
    back = [order.index(j) for j in range(model.n_lists)]
    other = model.relabelled(order)
    assert other.relabelled(back) == model
    assert sorted(map(int.bit_count, other.terms)) == sorted(map(int.bit_count, model.terms))
    lists = NAMES[: model.n_lists]
    moved = tuple(lists[j] for j in order)
    assert Model.parse(other.named(moved), lists) == model


@settings(deadline=None)
@given(models(largest=6))
def test_masks_read_back(model):
    subsets = candidates(model.n_lists, saturated=True)
    if subsets.size <= 62:
        assert model_of(mask_of(model, subsets), subsets, model.n_lists) == model


def test_generators_are_printed_as_in_rcapture():
    lists = ("A", "B", "C", "D")
    assert Model(4, (0b1100, 0b1001, 0b0111)).notation == "[123,14,34]"
    assert Model.parse("C*D + A:D + A:B:C", lists).notation == "[123,14,34]"
    assert Model(4, (0b1101, 0b0011, 0b0110, 0b1010)).notation == "[134,12,23,24]"
    assert Model(4, ()).notation == "[1,2,3,4]"
    assert Model.parse("[12]", lists).named(lists) == "A:B + C + D"
    assert Model(11, (term_of([0, 1, 9]),)).notation == "[1.2.10,3,4,5,6,7,8,9,11]"
    assert Model.parse("[123]", lists[:3]).saturated
    assert not Model.parse("[12,13,23]", lists[:3]).saturated


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[15,2]", ["no list '5'"]),
        ("[12,3", ["bracket"]),
        ("[11,2]", ["twice"]),
        ("[12,21]", ["the term A:B is there twice"]),
        ("[12,,3]", ["empty"]),
        ("[]", ["empty"]),
        ("", ["empty"]),
        ("A:B + E + F:F", ["no list 'E'", "no list 'F'", "names a list twice"]),
        ("A + + B", ["empty"]),
        ("A * A", ["twice"]),
        ("a:B", ["no list 'a'"]),
    ],
)
def test_a_wrong_model_is_told_in_full(text, said):
    with pytest.raises(ModelError) as caught:
        Model.parse(text, ("A", "B", "C", "D"))
    for part in said:
        assert part in str(caught.value)
    assert "A, B, C, D" in str(caught.value)


def test_terms_beyond_the_lists_are_refused():
    with pytest.raises(ModelError, match="outside the 3 lists"):
        Model(3, (8,))


@pytest.mark.parametrize(
    ("k", "max_order", "number"),
    [(2, None, 1), (3, None, 8), (4, None, 113), (5, None, 6893), (5, 2, 1024), (7, 2, 2**21), (4, 1, 1)],
)
def test_number_of_models(k, max_order, number):
    assert count_models(k, max_order) == number
    if number < 10_000:
        masks = all_masks(candidates(k, max_order))
        assert masks.size == number
        assert (np.diff(masks) > 0).all()


@pytest.mark.parametrize(("k", "max_order"), [(2, None), (3, None), (4, None), (5, 2)])
def test_notations_of_many_models(k, max_order):
    subsets = candidates(k, max_order)
    masks = all_masks(subsets)
    assert notations(masks, subsets, k) == [model_of(m, subsets, k).notation for m in masks]


def test_notations_of_eleven_lists():
    subsets = candidates(11, 2)
    masks = np.array([0, 1 << 54], dtype=np.int64)
    assert notations(masks, subsets, 11)[1] == "[10.11,1,2,3,4,5,6,7,8,9]"


def test_number_of_six_and_seven_list_models():
    assert count_models(6) == 7_785_061
    assert count_models(7) == 2_414_627_396_433
    with pytest.raises(ModelError, match="max_order"):
        count_models(7, 3)


def test_enumeration_matches_closure_by_hand():
    """Twin: of all 2^10 families of pairs and triples on four lists, the closed ones are the models."""
    subsets = candidates(4)
    closed = []
    for mask in range(1 << subsets.size):
        held = {int(t) for i, t in enumerate(subsets) if mask >> i & 1}
        if all(t & ~(1 << j) in held for t in held if t.bit_count() > 2 for j in members(t)):
            closed.append(mask)
    assert all_masks(subsets).tolist() == closed
    assert len({model_of(m, subsets, 4) for m in closed}) == 113


def test_candidates_come_after_what_they_hold():
    for k in (3, 4, 5, 6):
        subsets = candidates(k)
        assert subsets.size == 2**k - k - 2
        assert all(needed < 1 << i for i, needed in enumerate(facet_masks(subsets)))
    assert candidates(5, 2).tolist() == sorted(candidates(5, 2).tolist())
    assert candidates(3, saturated=True).tolist() == [3, 5, 6, 7]


def test_term_that_is_no_candidate():
    with pytest.raises(ModelError, match="not candidates"):
        mask_of(Model(5, (7,)), candidates(5, 2))
