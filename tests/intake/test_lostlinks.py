"""Lost links: put back in drawn tables as many as were lost, and their way into the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mse import estimate
from mse.answers.posterior import Posterior
from mse.assess.findings import computing
from mse.assess.rules import Thresholds
from mse.intake.lostlinks import draw_lost, mend
from mse.tables.captures import CaptureTable

STORED = Path(__file__).parents[1] / "calibration" / "linkage.json"


def with_lost_links(table: CaptureTable, lost: np.ndarray, rng: np.random.Generator) -> CaptureTable:
    """Return a table in which registrations became persons of their own."""
    counts = table.counts.copy()
    for j, share in enumerate(lost):
        for h in range(1, counts.shape[1] + 1):
            if h >> j & 1 and h != 1 << j:
                gone = rng.binomial(counts[:, h - 1], share)
                counts[:, h - 1] -= gone
                counts[:, (h ^ 1 << j) - 1] += gone
                counts[:, (1 << j) - 1] += gone
    return CaptureTable.from_arrays(table.lists, counts, strata=table.strata)


def test_as_many_links_are_put_back_as_were_lost() -> None:
    rng = np.random.default_rng(1)
    true = CaptureTable.from_arrays(
        ("A", "B", "C"),
        [[900, 700, 220, 500, 150, 90, 40], [400, 300, 90, 200, 60, 45, 12]],
        strata={"year": ("1", "2")},
    )
    lost = np.array([0.05, 0.15, 0.1])
    seen = with_lost_links(true, lost, rng)
    drawn = [mend(seen, lost, rng) for _ in range(40)]
    pairs = np.triu_indices(3, 1)
    before, found = seen.overlaps()[pairs], np.mean([table.overlaps()[pairs] for table in drawn], axis=0)
    assert (before < 0.87 * true.overlaps()[pairs]).any()
    assert found == pytest.approx(true.overlaps()[pairs], rel=0.08)
    assert np.mean([table.observed for table in drawn]) == pytest.approx(true.observed, rel=0.01)
    for table in drawn:  # nobody leaves a list, or a stratum
        assert np.array_equal(table.list_totals(), seen.list_totals())
    assert mend(seen, np.zeros(3), rng) == seen


def test_nobody_is_put_where_nobody_can_be() -> None:
    table = CaptureTable.from_arrays(
        ("A", "B", "C"), [[50, 40, 10, 30, 8, 9, 3], [50, 40, 10, 0, 0, 0, 0]], strata={"form": ("x", "y")}
    ).blind("C", {"form": ["y"]})
    drawn = mend(table, np.array([0.2, 0.2, 0.2]), np.random.default_rng(2))
    assert np.array_equal(drawn.observable, table.observable) and not drawn.counts[~drawn.observable].any()


def test_shares_are_drawn_around_what_is_known() -> None:
    rng = np.random.default_rng(3)
    share, seen = np.array([0.0, 0.1, 0.1]), np.array([100.0, 50.0, 5000.0])
    drawn = np.stack([draw_lost(share, seen, rng) for _ in range(2000)])
    assert not drawn[:, 0].any()
    assert drawn.mean(axis=0)[1:] == pytest.approx([0.1, 0.1], abs=0.01)
    assert drawn.std(axis=0)[1] > 5 * drawn.std(axis=0)[2]


def answer(**diagnostics: float) -> Posterior:
    from dataclasses import replace

    found = estimate(CaptureTable.from_arrays(("A", "B"), [400, 300, 100]), "chapman")
    return replace(found, diagnostics=diagnostics)


@pytest.mark.parametrize(
    ("recall", "held", "level"),
    [(0.84, False, "do not publish"), (0.84, True, "publish with caution"), (0.9, False, "publish with caution"),
     (0.9, True, None), (0.97, False, None)],
)  # fmt: skip
def test_publish_is_impossible_where_the_linkage_misses_what_the_interval_does_not_hold(
    recall: float, held: bool, level: str | None
) -> None:
    point = answer().point
    implied = point if held else 0.5 * point
    found = dict(computing(answer(linkage_recall=recall, linkage_implied=implied), Thresholds()))
    reason = found["recall"]
    assert (None if reason is None else reason.level) == level


def test_what_cannot_be_told_asks_for_caution() -> None:
    found = dict(computing(answer(linkage_unknown=1.0), Thresholds()))
    assert found["recall_unknown"].level == "publish with caution" and "recall" not in found
    assert not {"recall", "recall_unknown"} & set(dict(computing(answer(), Thresholds())))


def test_the_stored_calibration_holds_what_is_promised() -> None:
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    for kind, least in (("hashes", 0.92), ("clk", 0.95)):
        assert stored["reliability"][kind]["recall"] >= least
        assert stored["reliability"][kind]["precision"] >= 0.99
    for linkage in ("exact, by year", "drawn, by year"):
        assert stored["coverage"]["linkages"][linkage]["covered"] >= 0.9
