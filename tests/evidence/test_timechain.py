"""The chain through time: against a plain twin, hand-worked and published tables, other packages, and invariants."""

from __future__ import annotations

import datetime
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

from mse.errors import InputError
from mse.evidence.eventfile import read_events
from mse.evidence.eventspec import ChainSpec
from mse.evidence.occupation import YEAR, jeffreys, probabilities, time_chain
from tests.twins.timechain import occupation

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "survival" / "survival.json").read_text("utf-8"))
STEPS = {"reported": ("investigated", "dismissed"), "investigated": ("convicted", "acquitted")}


def day(n: int) -> str:
    return (datetime.date(2015, 1, 1) + datetime.timedelta(days=n)).isoformat()


def events(path: Path, rows: list[tuple[str, str, int]], cohort: dict[str, str] | None = None) -> Path:
    head = "person,state,date" + (",cohort" if cohort else "")
    lines = [f"{p},{s},{day(d)}" + (f",{cohort[p]}" if cohort else "") for p, s, d in rows]
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def spec(path: Path, until: int = 4000, **more: object) -> ChainSpec:
    settings = {"start": "reported", "steps": STEPS, **more}
    return ChainSpec(path, datetime.date.fromisoformat(day(until)), **settings)  # type: ignore[arg-type]


def random_stays(seed: int, n: int) -> list[tuple[int, int, float, float]]:
    rng = np.random.default_rng(seed)
    stays = []
    for _ in range(n):
        t, state, entry, last = 0.0, 0, float(rng.integers(0, 6)) * (rng.random() < 0.4), float(rng.integers(4, 30))
        while state < 2:
            after = int(rng.choice([1, 2, 3] if state == 0 else [2, 3]))
            end = t + float(rng.integers(1, 12))
            seen = end <= last
            if min(end, last) > max(t, entry):
                stays.append((state, after if seen else -1, max(t, entry), min(end, last)))
            if not seen:
                break
            t, state = end, after
    return stays


@pytest.mark.parametrize("seed", range(6))
def test_the_kernel_is_the_twin(seed: int) -> None:
    stays = random_stays(seed, 40)
    columns = [np.array(x) for x in zip(*stays, strict=True)]
    times = np.array([2.0, 7.0, 15.0, 29.0])
    share, variance = probabilities(columns[0], columns[1], columns[2], columns[3], 4, times)
    for i, t in enumerate(times):
        p, cov = occupation(stays, 4, t)
        assert share[i] == pytest.approx(p, abs=1e-12)
        assert variance[i] == pytest.approx(np.diag(cov), abs=1e-12)


def test_the_published_table_of_remission() -> None:
    """6-mercaptopurine, 21 patients (Freireich et al. 1963; Klein & Moeschberger 2003, table 4.1A)."""
    times = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], dtype=float)
    seen = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])
    at = np.array([6, 7, 10, 13, 16, 22, 23], dtype=float)
    after = np.where(seen == 1, 1, -1)
    share, variance = probabilities(np.zeros(21, dtype=np.int64), after, np.zeros(21), times, 2, at)
    assert np.round(share[:, 0], 3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert np.round(np.sqrt(variance[:, 0]), 4).tolist() == [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]


def test_other_packages_give_the_same() -> None:
    entry, end, cause, at = (np.array(GOLDEN[x]) for x in ("entry", "time", "cause", "at"))
    zero, moments = np.zeros(end.size, dtype=np.int64), at.astype(float)
    ever = np.where(cause > 0, 1, -1)
    share, variance = probabilities(zero, ever, entry.astype(float), end.astype(float), 2, moments)
    assert share[:, 0] == pytest.approx(GOLDEN["statsmodels_late_entry"]["surv"], abs=1e-10)
    assert np.sqrt(variance[:, 0]) == pytest.approx(GOLDEN["statsmodels_late_entry"]["se"], abs=1e-10)
    assert share[:, 0] == pytest.approx(GOLDEN["lifelines_late_entry"], abs=1e-10)
    both = np.where(cause > 0, cause, -1)
    share, variance = probabilities(zero, both, zero.astype(float), end.astype(float), 3, moments)
    for j in (1, 2):
        theirs = GOLDEN["statsmodels_incidence"][j - 1]
        assert share[:, j] == pytest.approx(theirs["share"], abs=1e-10)
        assert share[:, j] == pytest.approx(GOLDEN["sksurv_incidence"][j - 1], abs=1e-10)
        # Their variance takes the events of the other cause as given (Marubini & Valsecchi): 1 % off ours.
        assert np.sqrt(variance[:, j]) == pytest.approx(theirs["se"], rel=0.01)


def test_a_table_worked_by_hand(tmp_path: Path) -> None:
    """Five persons: after 10 days one of five is dismissed, after 20 three of four are investigated; one is lost."""
    path = events(tmp_path / "e.csv", [
        *((x, "reported", 0) for x in "abcd"), ("e", "reported", 60), ("a", "dismissed", 10), ("b", "investigated", 20),
        ("c", "investigated", 20), ("d", "investigated", 20), ("b", "convicted", 50), ("c", "acquitted", 70),
    ])  # fmt: skip
    years = (15 / YEAR, 30 / YEAR, 72 / YEAR)
    found = time_chain(read_events(spec(path, until=75, within=years)), years)
    at = {(x.state, round(x.years * YEAR)): x for x in found.chances}
    # e is seen for 15 days only: at day 10 five are at risk, at day 20 three (a has left, e is no longer seen).
    assert at["dismissed", 15].inside.share == pytest.approx(1 / 5)
    assert at["investigated", 30].inside.share == pytest.approx(4 / 5)
    assert at["reported", 30].inside.share == pytest.approx(0)
    # At day 50 one of three is convicted; at day 70 one of the two left is acquitted.
    assert at["convicted", 72].reached.share == pytest.approx(4 / 5 / 3)
    assert at["acquitted", 72].reached.share == pytest.approx(4 / 5 * 2 / 3 / 2)
    assert at["investigated", 72].reached.share == pytest.approx(4 / 5)
    assert {(x.origin, x.target): round(x.share, 4) for x in found.moves} == {
        ("reported", "investigated"): 0.8, ("reported", "dismissed"): 0.2, ("investigated", "convicted"): 0.2667,
        ("investigated", "acquitted"): 0.2667,
    }  # fmt: skip


def test_without_censoring_shares_are_proportions(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows, ends = [], []
    for i in range(300):
        rows.append((f"p{i}", "reported", int(rng.integers(0, 300))))
        kind, gap = str(rng.choice(["investigated", "dismissed"])), int(rng.integers(0, 500))
        rows.append((f"p{i}", kind, rows[-1][2] + gap))
        ends.append((kind, gap))
    found = time_chain(read_events(spec(events(tmp_path / "e.csv", rows), within=(1.0,))), (1.0,))
    for x in found.chances:
        if x.state in ("investigated", "dismissed"):
            count = sum(kind == x.state and gap <= 365 for kind, gap in ends)
            assert x.inside.share == pytest.approx(count / 300) and x.inside.persons == pytest.approx(300)
            low, high = jeffreys(np.array([count / 300]), np.array([300.0]), 0.95)
            assert (x.inside.low, x.inside.high) == pytest.approx((low[0], high[0]))
    assert sum(x.inside.share for x in found.chances) == pytest.approx(1)
    (stay, *_) = found.stays
    assert stay.state == "reported" and stay.median == pytest.approx(np.median([gap for _, gap in ends]), abs=2)
    assert stay.low <= stay.median <= stay.high


def test_what_must_hold(tmp_path: Path) -> None:
    """Order of rows and names of persons change nothing; cohorts add up; states add up to one."""
    rng = np.random.default_rng(8)
    rows = [(f"p{i}", "reported", int(rng.integers(0, 900))) for i in range(200)]
    cohort = {p: ("a", "b")[i % 2] for i, (p, _, _) in enumerate(rows)}
    kinds = ("investigated", "dismissed", "dismissed")
    rows += [(p, kinds[i % 3], d + int(rng.integers(0, 400))) for i, (p, _, d) in enumerate(rows)]
    until = max(d for *_, d in rows)
    one = time_chain(read_events(spec(events(tmp_path / "1.csv", rows, cohort), until, cohort="cohort")), (1.0, 2.0))
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    new = {p: f"q{900 - i}" for i, p in enumerate(cohort)}
    renamed = [(new[p], s, d) for p, s, d in mixed]
    path = events(tmp_path / "2.csv", renamed, {new[p]: c for p, c in cohort.items()})
    other = time_chain(read_events(spec(path, until, cohort="cohort")), (1.0, 2.0))
    assert one.chances == other.chances and one.stays == other.stays
    assert dict(one.sizes) == {"all": 200, "a": 100, "b": 100}
    for x in one.chances:
        assert 0 <= x.inside.low <= x.inside.share <= x.inside.high <= 1
        assert x.reached.share >= x.inside.share - 1e-9
    for name in ("all", "a", "b"):
        for years in (1.0, 2.0):
            here = [x.inside.share for x in one.chances if (x.cohort, x.years) == (name, years)]
            assert sum(here) == pytest.approx(1)


def test_late_entry_is_no_gap(tmp_path: Path) -> None:
    """Whoever was reported before observation began counts from then on; who had left by then tells nothing."""
    rows = [("a", "reported", 0), ("a", "dismissed", 100), ("b", "reported", 0), ("b", "dismissed", 300),
            ("c", "reported", 250), ("c", "dismissed", 300), ("d", "reported", 250)]  # fmt: skip
    path = events(tmp_path / "e.csv", rows)
    spells = read_events(spec(path, until=600, since=datetime.date.fromisoformat(day(200)), within=(1.0,)))
    assert spells.outside == 1 and spells.sizes.tolist() == [3]
    found = {x.state: x.inside.share for x in time_chain(spells, (1.0,)).chances}
    # Day 50: c leaves, c and d at risk (b enters at day 200); day 300: b leaves, b and d at risk.
    assert found["reported"] == pytest.approx(1 / 2 * 1 / 2)


def test_repeats_with_a_serious_one_as_a_competing_event(tmp_path: Path) -> None:
    rows = [(x, "first", 0) for x in "abcdefgh"] + [("a", "again", 100), ("a", "again", 150), ("b", "serious", 200),
            ("c", "again", 300), ("d", "again", 500)]  # fmt: skip
    path = events(tmp_path / "e.csv", rows)
    given = {"start": "first", "steps": {"first": ("again", "serious")}, "within": (1.0,), "once": True}
    found = time_chain(read_events(spec(path, **given)), (1.0,))
    shares = {x.state: x.reached.share for x in found.chances}
    assert shares["again"] == pytest.approx(2 / 8) and shares["serious"] == pytest.approx(1 / 8)
    with pytest.raises(InputError, match="twice for one person"):
        read_events(spec(path, **(given | {"once": False})))


def test_every_problem_at_once_with_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "person,state,date\n"
        "a,reported,2015-01-01\na,convicted,2015-02-01\n"  # cannot follow
        "b,investigated,2015-01-01\nb,reported,2015-01-09\n"  # out of order, and does not begin at the start
        "c,reported,2015-01-01\nc,dismissed,2015-01-05\nc,investigated,2015-01-06\n"  # after an exit
    )
    with pytest.raises(InputError) as caught:
        read_events(spec(path))
    told = {(p.row, p.found.code) for p in caught.value.problems}
    assert {(3, "chain.follow"), (4, "chain.first"), (5, "chain.order"), (8, "chain.follow")} <= told
    assert all(p.file and p.column for p in caught.value.problems)
    assert not any(x in str(caught.value) for x in ("'a'", "2015-02-01"))
    path.write_text(
        "person,state,date\na,reported,1-1-2015\n,reported,2015-01-02\nb,acquited,2015-01-02\nc,reported,2035-01-01\n"
    )
    with pytest.raises(InputError) as caught:
        read_events(spec(path))
    assert {(p.row, p.found.code) for p in caught.value.problems} == {
        (2, "chain.day"), (3, "chain.nobody"), (4, "chain.state"), (5, "chain.late"),
    }  # fmt: skip
    path.write_text(
        "person,state,date\na,reported,1-1-2015\na,convicted,2015-01-02\nb,reported,2015-01-02\nb,convicted,2015-01-03\n"
    )
    with pytest.raises(InputError) as caught:
        read_events(spec(path))
    assert {(p.row, p.found.code) for p in caught.value.problems} == {(2, "chain.day"), (5, "chain.follow")}
    path.write_text("person,what,date\na,reported,2015-01-01\n")
    with pytest.raises(InputError, match="a column is missing"):
        read_events(spec(path))


@pytest.mark.parametrize("more", [
    {"start": "nowhere"}, {"steps": {"reported": ("reported",)}}, {"steps": {"reported": ("a",), "b": ("c",)}},
    {"since": datetime.date(2100, 1, 1)}, {"within": ()}, {"within": (0.0,)},
])  # fmt: skip
def test_settings_that_do_not_fit(more: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        spec(tmp_path / "e.csv", **more)


def test_real_keys_and_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    keys = ("111222333", "123456782", "100000009", "999999990")
    path.write_text("person,state,date\n" + "".join(f"{k},reported,2015-01-0{i + 1}\n" for i, k in enumerate(keys)))
    with pytest.raises(InputError):
        read_events(spec(path))


@pytest.mark.slow
def test_a_hundred_thousand_persons_take_seconds(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = ["person,state,date,cohort"]
    for i, (start, gap, kind) in enumerate(zip(rng.integers(0, 1500, 100_000), rng.exponential(200, 100_000),
                                               rng.random(100_000), strict=True)):  # fmt: skip
        lines.append(f"k{i:06d},reported,{day(int(start))},{start // 365}")
        lines.append(f"k{i:06d},{'investigated' if kind < 0.7 else 'dismissed'},{day(int(start + gap))},{start // 365}")
    (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
    asked = spec(tmp_path / "e.csv", until=9000, cohort="cohort")
    time_chain(read_events(asked), asked.within)
    before = time.process_time()
    found = time_chain(read_events(asked), asked.within)
    assert time.process_time() - before < 10 and math.isfinite(found.stays[0].median)
