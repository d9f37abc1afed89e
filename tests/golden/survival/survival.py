"""Golden numbers of lifelines, scikit-survival and statsmodels: python survival.py, in an environment that has them."""

import json

import lifelines
import numpy as np
import pandas as pd
import sksurv
import statsmodels
from lifelines import KaplanMeierFitter
from sksurv.nonparametric import cumulative_incidence_competing_risks
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

rng = np.random.default_rng(20261128)
n = 400
entry = np.where(rng.random(n) < 0.4, rng.integers(0, 200, n), 0)
time = entry + 1 + np.floor(rng.exponential(300, n)).astype(int)
cause = rng.choice([0, 1, 2], n, p=[0.3, 0.45, 0.25])
at = np.array([60, 150, 300, 600])


def last(index, values):
    place = np.searchsorted(np.asarray(index, float), at, side="right") - 1
    return [float(np.asarray(values)[i]) for i in place]


found = {"versions": {"lifelines": lifelines.__version__, "scikit-survival": sksurv.__version__,
                      "statsmodels": statsmodels.__version__, "pandas": pd.__version__},
         "entry": entry.tolist(), "time": time.tolist(), "cause": cause.tolist(), "at": at.tolist()}  # fmt: skip
ever = cause > 0
late = SurvfuncRight(time, ever.astype(int), entry=entry)
found["statsmodels_late_entry"] = {
    "surv": last(late.surv_times, late.surv_prob), "se": last(late.surv_times, late.surv_prob_se)
}  # fmt: skip
km = KaplanMeierFitter().fit(time, ever, entry=entry).survival_function_["KM_estimate"]
found["lifelines_late_entry"] = last(km.index, km)
once = CumIncidenceRight(time, cause)
found["statsmodels_incidence"] = [
    {"share": last(once.times, x), "se": last(once.times, s)} for x, s in zip(once.cinc, once.cinc_se, strict=True)
]
times, shares = cumulative_incidence_competing_risks(cause.astype(int), time.astype(float))[:2]
found["sksurv_incidence"] = [last(times, shares[1]), last(times, shares[2])]
with open("survival.json", "w") as file:
    json.dump(found, file)
    file.write("\n")
print({k: v for k, v in found.items() if k not in ("entry", "time", "cause")})
