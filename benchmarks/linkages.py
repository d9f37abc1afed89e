"""What linkage is worth in bad weather, as tables of docs/registers.md: ``python -m benchmarks.readme linkage``."""

import json
from pathlib import Path

STORED = Path(__file__).resolve().parents[1] / "tests" / "calibration" / "linkage.json"
FIRST = "linkage by probability"
LINKAGES = {
    "perfect": "perfect",
    "exact, nothing put back": "exact, nothing put back",
    "exact": "exact, lost links put back",
    "drawn": "drawn linkages",
}


def markdown() -> str:
    """Return what is stored of recall, precision and reliability, and of N under every linkage."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    rates, covered = stored["reliability"], stored["coverage"]
    kinds = {FIRST: rates["hashes"], "with Bloom filters": rates["clk"]}
    found = [f"{name} {x['recall']:.1%} at a precision of {x['precision']:.1%}" for name, x in kinds.items()]
    exact = f"Over {rates['nations']} nations ({rates['date']}) exact linkage finds {kinds[FIRST]['recall_exact']:.1%}"
    lines = [
        f"{exact} of the links; {', '.join(found)}.",
        "Of the pairs that are said to be one person with a probability in this tenth, so many are:",
        "",
        "| said | pairs | said, mean | are | ± one standard error | with Bloom filters: pairs | said | are | ± |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for i, both in enumerate(zip(rates["hashes"]["tenths"], rates["clk"]["tenths"], strict=True)):
        cells = [f"{x['pairs']:,} | {x['said']:.0%} | {x['true']:.0%} | {_error(x):.0%}" for x in both]
        lines.append(f"| {i * 10}–{i * 10 + 10} % | {' | '.join(cells)} |")
    lines += [
        "",
        f"Of N, over {covered['nations']} nations with {covered['draws']} draws each ({covered['date']}), by the",
        "estimator that is chosen by default, and by its law if the identifying assumption held exactly:",
        "",
        "| linkage | years whose interval holds the truth | log width | log bias | assumed: nations | log bias |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for key, name in LINKAGES.items():
        years, whole = (covered["linkages"][f"{key}, {what}"] for what in ("by year", "identified, all years"))
        cells = [name, _held(years), f"{years['log_width']:.2f}", f"{years['log_bias']:+.2f}", _held(whole)]
        lines.append(f"| {' | '.join(cells)} | {whole['log_bias']:+.2f} |")
    return "\n".join(lines)


def _error(tenth: dict[str, float]) -> float:
    return float((tenth["said"] * (1 - tenth["said"]) / max(tenth["pairs"], 1)) ** 0.5)


def _held(row: dict[str, float]) -> str:
    return f"{round(row['covered'] * row['intervals'])} of {row['intervals']}"
