"""Pairs for clerks: what the sample holds, what decisions do to the model, and what is refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mse.cli import main
from mse.errors import InputError
from mse.intake.linkage.clerical import COLUMNS, read_decisions, reliability, sample_for_clerks, trained
from mse.intake.linkage.pairmodel import SURE, decided, redraw
from mse.intake.planning import IntakeSpec
from mse.intake.pseudonyms.keyedhash import disguise
from mse.intake.taking import take_in
from mse.simulate.national import simulate
from mse.simulate.writing import write_registers
from tests.calibration.linkage import stormy_spec


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("nation") / "registers"
    return list(write_registers(folder, simulate(stormy_spec(), seed=1), partial(disguise, key=b"k" * 32)))


def answered(frame: pd.DataFrame, contracts: list[Path]) -> pd.DataFrame:
    """Return a sample in which somebody who knows the truth has decided."""
    links = pd.read_csv(contracts[0].parent / "links.csv").set_index(["list", "source", "row"])["person"]
    sides = [frame[[f"{side}_list", f"{side}_file", f"{side}_row"]] for side in ("left", "right")]
    left, right = (
        links.loc[list(zip(x.iloc[:, 0], x.iloc[:, 1], x.iloc[:, 2].astype(int), strict=True))].to_numpy()
        for x in sides
    )
    return frame.assign(decision=np.where(left == right, "ja", "no"))


def test_a_sample_goes_out_and_decisions_come_back(contracts: list[Path], tmp_path: Path) -> None:
    with trained(contracts, 1) as (registers, model):
        frame = sample_for_clerks(registers.connection, model, 60, seed=1)
        assert list(frame.columns) == list(COLUMNS) and len(frame) == 60
        assert not frame.duplicated().any() and set(frame["decision"]) == {""}
        path = tmp_path / "decided.csv"
        judged = answered(frame, contracts)
        judged.loc[:4, "decision"] = ""
        judged.to_csv(path, index=False)
        found = read_decisions(registers.connection, path)
        assert found.open == 5 and len(found.pairs) == 55
        table = reliability(model, found)
        assert table["pairs"].sum() == 55 and len(table) > 5
        after = decided(model, found.pairs)
        unsure = model.log_odds < SURE
        places = {pair: i for i, pair in enumerate(zip(model.left.tolist(), model.right.tolist(), strict=True))}
        for pair, match in found.pairs.items():
            assert after.log_odds[places[pair]] == (SURE if match else -SURE)
            assert all(odds[places[pair]] == after.log_odds[places[pair]] for odds in redraw(after, 2, seed=1))
        assert not np.array_equal(after.log_odds[unsure], model.log_odds[unsure])
        # clerks who say no where the model says yes make every pair less probable
        likely = [pair for pair in found.pairs if model.log_odds[places[pair]] > 0]
        never = decided(model, dict.fromkeys(likely, False))
        rest = unsure & (never.log_odds > -SURE)
        assert never.probability[rest].sum() < model.probability[rest].sum()


def test_a_job_reads_decisions(contracts: list[Path], tmp_path: Path) -> None:
    runner, out = CliRunner(), tmp_path / "pairs.csv"
    paths = [str(path) for path in contracts]
    done = runner.invoke(main, ["linkage", "sample", *paths, "--out", str(out), "--pairs", "50", "--seed", "1"])
    assert done.exit_code == 0, done.output
    assert out.stat().st_mode & 0o077 == 0 and done.output.strip() == f"{out}: 50 pairs"
    answered(pd.read_csv(out, dtype=str, keep_default_na=False), contracts).to_csv(out, index=False)
    done = runner.invoke(main, ["linkage", "check", *paths, "--decisions", str(out), "--seed", "1"])
    assert done.exit_code == 0 and done.output.startswith("50 decided, 0 open\n"), done.output
    spec = IntakeSpec(linkage="probabilistic", draws=1, strata=("year",))
    plain = take_in(contracts, tmp_path, spec, seed=1)
    told = IntakeSpec(linkage="probabilistic", draws=1, strata=("year",), decisions=out)
    with_them = take_in(contracts, tmp_path, told, seed=1)
    assert with_them.table != plain.table


def test_bad_decisions_are_named_all_at_once(contracts: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    with trained(contracts, 1) as (registers, model):
        frame = sample_for_clerks(registers.connection, model, 20, seed=1)
        frame.loc[0, "left_row"], frame.loc[1, "right_key"], frame.loc[2, "decision"] = 999_999, "f" * 32, "maybe"
        frame.to_csv(path, index=False)
        with pytest.raises(InputError) as caught:
            read_decisions(registers.connection, path)
        words = str(caught.value)
        assert len(caught.value.problems) == 3 and "f" * 32 not in words and "maybe" not in words
        path.write_text("a,b\n1,2\n", encoding="utf-8")
        with pytest.raises(InputError, match="columns are not there"):
            read_decisions(registers.connection, path)
        with pytest.raises(InputError, match="cannot be read"):
            read_decisions(registers.connection, tmp_path / "none.csv")
