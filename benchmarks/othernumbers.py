"""The stored coverage of key figures, chains, effects of measures and surveys as tables of Markdown."""

import json
from pathlib import Path

CALIBRATION = Path(__file__).resolve().parents[1] / "tests" / "calibration"
STORED, MEASURES, SURVEYS = (CALIBRATION / f"{x}.json" for x in ("othernumbers", "interruption", "surveys"))


def markdown() -> str:
    """Return the tables."""
    found = json.loads(STORED.read_text(encoding="utf-8"))
    command = "`python -m tests.calibration.othernumbers`"
    rows = [f"Coverage of 95% intervals by simulation ({found['date']}; {command}):", ""]
    rows += ["| key figure | persons | runs | held |", "|---|---|---|---|"]
    rows += [f"| {x['kind']} | {x['size']} | {x['runs']:,} | {100 * x['coverage']:.1f}% |" for x in found["figures"]]
    rows += ["", "| chain: persons | entered late | runs | held, all states and times | held, worst |"]
    rows += ["|---|---|---|---|---|"]
    for x in found["chains"]:
        held = f"{100 * x['coverage']:.1f}% | {100 * x['worst']:.1f}%"
        rows.append(f"| {x['persons']} | {100 * x['late']:.0f}% | {x['runs']:,} | {held} |")
    rows += ["", "| probability of being the most frequent, stated | right | runs |", "|---|---|---|"]
    rows += [f"| {x['stated']:.2f} | {x['right']:.2f} | {x['runs']:,} |" for x in found["ranks"]]
    return "\n".join(rows)


def interruptions() -> str:
    """Return the table of effects of measures."""
    found = json.loads(MEASURES.read_text(encoding="utf-8"))
    rows = [
        f"Coverage of 95% intervals by simulation ({found['date']}; `python -m tests.calibration.interruption`):",
        "",
    ]
    rows += ["| periods | mean | scatter | alike | own share | runs | level held | slope held | too short to tell |"]
    rows += ["|---|---|---|---|---|---|---|---|---|"]
    for x in found["coverage"]:
        told = f"{100 * x['level']:.1f}% | {100 * x['slope']:.1f}% | {100 * x['too_short']:.0f}%"
        kind = "months" if x["periods"] > 36 else "years"
        rows.append(
            f"| {x['periods']} {kind} | {x['mean']:.0f} | {x['spread']:.1f} | {x['alike']:.2g} | {x['alone']:.1f} "
            f"| {x['runs']:,} | {told} |"
        )
    placebo = found["placebo"][0]
    rows += ["", f"A measure that did nothing stood among the fifth of dates with the largest change in "
             f"{100 * placebo['share']:.0f}% of {placebo['runs']} series of {placebo['periods']} months."]  # fmt: skip
    return "\n".join(rows)


def surveys() -> str:
    """Return the tables of surveys and of small areas."""
    found = json.loads(SURVEYS.read_text(encoding="utf-8"))
    rows = [f"Coverage of 95% intervals by simulation ({found['made']}; `python -m tests.calibration.surveys`), "
            f"{found['runs']} surveys of 40 clusters:", "", "| interval | held |", "|---|---|"]  # fmt: skip
    rows += [f"| {kind} | {100 * share:.0f}% |" for kind, share in found["covered"].items()]
    rows += ["", "| small areas | spread | covariate | runs | held | width, of direct |", "|---|---|---|---|---|---|"]
    for x in found["small_areas"]:
        kind = "yes" if x["covariate"] else "no"
        held = f"{100 * x['covered']:.1f}% | {100 * x['of_direct']:.0f}%"
        rows.append(f"| {x['areas']} | {x['spread']} | {kind} | {x['runs']} | {held} |")
    return "\n".join(rows)
