"""The stored coverage of key figures and chains as tables of Markdown."""

import json
from pathlib import Path

STORED = Path(__file__).resolve().parents[1] / "tests" / "calibration" / "othernumbers.json"


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
