"""What every estimator returns: the law of N, draws of it, and how it came about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

import numpy as np

from mse.answers.distribution import Distribution, Hump, frozen
from mse.answers.estimates import Estimate, Span, Verdict, verdict_from
from mse.answers.modelweights import ModelWeights as ModelWeights
from mse.answers.notebook import Picture, curve, drawn
from mse.answers.recordchecks import Damaged, check_law, check_posterior, let_go, sealed, unsealed
from mse.answers.saying import Counted
from mse.answers.saying import Says as Says
from mse.answers.storedgroups import Layout, as_datatree, group_bytes, read_groups
from mse.answers.strata import StrataDraws
from mse.computing.inputfiles import read_input
from mse.computing.savefiles import write_file
from mse.errors import InputError, ModelError, Problem, reason_of
from mse.kernels.arrays import Array, Integers
from mse.words.said import Said, from_record, said

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import xarray as xr
    from _typeshed import DataclassInstance

Kind = Literal["posterior", "sampling distribution"]


class Beside(TypedDict, total=False):
    """What not every method has beside its number; fields as in `Posterior`."""

    models: ModelWeights | None
    interactions: Mapping[str, float]
    diagnostics: Mapping[str, float]
    strata: StrataDraws | None
    identified: Distribution | None


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """The law of N under one method, with draws and everything needed to judge and cite it.

    Parameters
    ----------
    method : str
        Name of the estimator as given to ``mse.estimate``.
    kind : str
        ``"posterior"``, or ``"sampling distribution"`` for a frequentist method, which says so.
    table, table_digest : str
        Name and digest of the table that was used.
    lists : tuple of str
        Lists of that table.
    observed : int
        Persons on at least one list.
    spec : mapping of str to value
        Every option of the estimator, defaults filled in, and the seed.
    distribution : Distribution
        The law of N, from which quantiles are read.
    draws : int64 array, shape (D,)
        Independent draws of N.
    point : float
        The number that is reported, persons.
    point_kind : Said
        What `point` and the interval are.
    models : ModelWeights or None
        The models behind an average.
    interactions : mapping of str to float
        Probability that each interaction between lists is in the model, by name ("LA:NG").
    diagnostics : mapping of str to float
        Numbers about the computation itself; the verdict reads them.
    notes : tuple of Said
        What the estimator wants said beside its number.
    inside, outside : tuple of Said
        Sources of uncertainty that the interval contains, and those that it leaves out.
    assumptions : tuple of Said
        What must hold.
    citations : tuple of str
        Publications of the method.
    verdict : Verdict or None
        None until the answer has been judged.
    strata : StrataDraws or None
        N of every stratum, where the method has covariates: its draws add up to `draws` in every draw.
    identified : Distribution or None
        The law of N if the identifying assumption held exactly, where `distribution` has departures from it inside.
    chosen : Said or None
        Which method was chosen and why, where none was named.

    Raises
    ------
    ModelError
        When the draws of the strata do not add up to `draws`.
    """

    method: str
    kind: Kind
    table: str
    table_digest: str
    lists: tuple[str, ...]
    observed: int
    spec: Mapping[str, object]
    distribution: Distribution
    draws: Integers
    point: float
    point_kind: Said
    inside: tuple[Said, ...]
    outside: tuple[Said, ...]
    assumptions: tuple[Said, ...]
    citations: tuple[str, ...]
    models: ModelWeights | None = None
    interactions: Mapping[str, float] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[Said, ...] = ()
    verdict: Verdict | None = None
    strata: StrataDraws | None = None
    identified: Distribution | None = None
    chosen: Said | None = None

    def __post_init__(self) -> None:
        """Copy the arrays in, make them read-only, and check that parts add up."""
        draws = frozen(self.draws, np.int64)
        if self.strata is not None and not np.array_equal(self.strata.draws.sum(axis=1), draws):
            raise ModelError(
                Problem(said("found.draws_strata_do_not"),
                        said("allowed.parts_sum_total_every"), said("do.take_total_sum_its"))
            )  # fmt: skip
        object.__setattr__(self, "draws", draws)

    @classmethod
    def of(
        cls,
        table: Counted,
        spec: DataclassInstance,
        law: Distribution,
        says: Says,
        *,
        method: str,
        seed: int,
        kind: Kind = "posterior",
        settled: Mapping[str, object] | None = None,
        point: float | None = None,
        draws: Integers | np.random.Generator | None = None,
        observed: int | None = None,
        **beside: Unpack[Beside],
    ) -> Posterior:
        """Build the answer of an estimator; what is not given is what most methods have.

        Parameters
        ----------
        table : Counted
            What was read: a table of lists, of persons, or of repeated registrations.
        spec : dataclass
            Options of the method, with the field ``draws`` where `draws` are not given.
        law : Distribution
            Of N.
        says : Says
            What has to be said of it.
        method, seed, kind
            As in `Posterior`; the seed goes into its `spec`.
        settled : mapping, optional
            Options as the run settled them, in place of those given.
        point : float, optional
            The median of the law when not given.
        draws : int64 array or Generator, optional
            Draws of N, or where they are taken from; independent ones by the seed when not given.
        observed : int, optional
            Persons on at least one list; those of the table when not given.
        **beside
            Models, interactions, diagnostics and strata, where there are any.
        """
        if not isinstance(draws, np.ndarray):
            rng = np.random.default_rng(seed) if draws is None else draws
            draws = law.draw(int(getattr(spec, "draws")), rng)  # noqa: B009
        return cls(
            method=method, kind=kind, table=table.name, table_digest=table.digest,
            lists=tuple(getattr(table, "lists", ())), observed=table.observed if observed is None else observed,
            spec={**asdict(spec), **(settled or {}), "seed": seed}, distribution=law, draws=draws,
            point=float(law.quantile(0.5)) if point is None else point, point_kind=says.point_kind,
            inside=says.inside, outside=says.outside, assumptions=says.assumptions, citations=says.citations,
            notes=says.notes, **beside,
        )  # fmt: skip

    def __repr__(self) -> str:
        """One line: method, number, interval, verdict."""
        return f"<Posterior {self.method}: {repr(self.summary(0.95))[10:]}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the estimate, and the curve of the law."""
        estimate = self.summary(0.95)
        return estimate.as_html(curve(*self.distribution.density(160), estimate.low, estimate.high))

    def plot(self, kind: str = "posterior", *, language: str = "en") -> Picture:
        """Return a figure of the report, see `mse.plot`: ``"posterior"``, or ``"trend"`` and ``"strata"`` of parts."""
        return drawn(self, kind, language)

    def to_pandas(self) -> pd.DataFrame:
        """Return the draws, one row each: ``chain``, ``draw``, ``N`` (persons), and N of every stratum by its name."""
        import pandas as pd

        frame = self.to_datatree()["posterior"]["N"].to_dataframe().reset_index()
        if self.strata is None:
            return frame
        return frame.join(pd.DataFrame(self.strata.draws[: len(frame)], columns=list(self.strata.names())))

    def quantile(self, q: float | Sequence[float] | Array) -> float | Array:
        """Return the sizes (persons) below which a share `q` of the probability lies, from the whole law.

        Raises
        ------
        InputError
            When a `q` is not between 0 and 1.
        """
        if not np.all((np.asarray(q) >= 0.0) & (np.asarray(q) <= 1.0)):
            raise InputError(
                Problem(said("found.share_probability_out_range"), said("allowed.numbers_0_1"),
                        said("do.ask_0_975_say"),
                        value=str(q))
            )  # fmt: skip
        values = self.distribution.quantile(q)
        return float(values) if values.ndim == 0 else values

    def humps(self, least_weight: float = 0.05) -> tuple[Hump, ...]:
        """Return the modes of the law of N with at least so much of the probability.

        A sampling distribution from replicates is rough: there only deep valleys part two humps.
        """
        return self.distribution.humps(least_weight, 0.9 if self.kind == "posterior" else 0.5)

    def summary(self, prob: float = 0.95) -> Estimate:
        """Return point and equal-tailed interval with probability `prob`, and everything needed to cite them.

        Raises
        ------
        InputError
            When `prob` is not strictly between 0 and 1.
        """
        if not 0.0 < prob < 1.0:
            raise InputError(
                Problem(said("found.probability_interval_out_range"), said("allowed.number_between_0_1"),
                        said("do.ask_example_prob_0"), value=str(prob))
            )  # fmt: skip
        ends = ((1 - prob) / 2, (1 + prob) / 2)
        low, high = self.distribution.quantile(ends)
        held = None if self.identified is None else Span(*map(float, self.identified.quantile((0.5, *ends))))
        return Estimate(
            point=self.point, low=float(low), high=float(high), prob=prob, observed=self.observed,
            method=self.method, kind=self.point_kind, inside=self.inside, outside=self.outside,
            assumptions=self.assumptions, citations=self.citations, verdict=self.verdict, table=self.table,
            identified=held, chosen=self.chosen,
        )  # fmt: skip

    def to_datatree(self) -> xr.DataTree:
        """Return the ArviZ layout: group ``posterior`` holds N by chain and draw, others law and models.

        Draws of a sampler stand in its chains; independent draws are one chain.
        """
        return as_datatree(self._groups(), {"mse": json.dumps(self._record())})

    def _groups(self) -> dict[str, Layout]:
        """Return what a file holds, group by group."""

        def law(of: Distribution) -> Layout:
            return Layout({"cdf": (("N",), of.cdf), "N": (("N",), of.values)}, {"whole": int(of.whole)})

        chains = max(1, int(self.diagnostics.get("chains", 1)))
        keep = len(self.draws) // chains * chains
        drawn: dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]] = {
            "N": (("chain", "draw"), self.draws[:keep].reshape(chains, -1)),
            "chain": (("chain",), np.arange(chains)),
            "draw": (("draw",), np.arange(keep // chains)),
        }
        groups = {"posterior": Layout(drawn, {}), "distribution": law(self.distribution)}
        if self.identified is not None:
            groups["identified"] = law(self.identified)
        names, values = np.array(list(self.interactions), dtype=object), np.array(list(self.interactions.values()))
        along = ("interaction",)
        groups["interactions"] = Layout(
            {"probability": (along, values.astype(np.float64)), "interaction": (along, names)}, {}
        )
        if self.models is not None:
            columns = {f.name: getattr(self.models, f.name) for f in fields(self.models)}
            columns["model"] = np.array(columns.pop("notation"), dtype=object)
            groups["models"] = Layout({name: (("model",), x) for name, x in columns.items()}, {})
        if self.strata is not None:
            parts, beside = self.strata.stored(chains)
            drawn |= parts
            groups["strata"] = beside
        return groups

    def _record(self) -> dict[str, object]:
        """Return everything but the arrays as plain values."""
        arrays = {"distribution", "draws", "models", "interactions", "strata", "identified"}
        record = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in arrays}
        record["spec"], record["diagnostics"] = dict(self.spec), dict(self.diagnostics)
        record["verdict"] = None if self.verdict is None else self.verdict.as_record(words=False)
        record["point_kind"] = self.point_kind.as_record()
        record["chosen"] = None if self.chosen is None else self.chosen.as_record()
        record |= {name: [x.as_record() for x in getattr(self, name)] for name in _SAID}
        return record

    def save(self, path: str | Path) -> None:
        """Write one netCDF file (HDF5) that ArviZ opens; writing the same posterior again gives the same bytes.

        Raises
        ------
        InputError
            When the machine cannot write it; nothing is left then.
        """
        content = group_bytes(self._groups(), {"mse": json.dumps(self._record())})
        write_file(Path(path), sealed(content))

    @classmethod
    def load(cls, path: str | Path, *, early: bool = False) -> Posterior:
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or Path
            Of the file.
        early : bool
            Whether it may be from before files were sealed with a digest.

        Raises
        ------
        InputError
            When the file is missing or is not a posterior of this engine.
        """
        try:
            return cls._loaded(unsealed(read_input(path), early=early))
        except Exception as error:  # HDF5 and the entries themselves fail in many ways
            let_go(error)
            why = reason_of(error) if isinstance(error, Damaged | OSError) else None
            raise InputError(
                Problem(said("found.file_cannot_read_posterior", why=said("damage.why", why=why) if why else ""),
                        said("allowed.posterior_nc_written_mse"), said("do.check_path_run_estimate"), file=str(path))
            ) from error  # fmt: skip

    @classmethod
    def _loaded(cls, content: bytes) -> Posterior:
        """Return the posterior in the bytes of a file, every entry held against what was written."""
        groups, attrs = read_groups(content)
        record = json.loads(attrs["mse"])
        check_posterior(record)
        draws = groups["posterior"]["N"]

        def law(name: str) -> Distribution:
            group = groups[name]
            check_law(group["N"], group["cdf"], draws)
            return Distribution(group["N"], group["cdf"], bool(group.attrs["whole"]))

        models, interactions, strata = None, {}, None
        if "models" in groups:
            group = groups["models"]
            columns = {f.name: group[f.name] for f in fields(ModelWeights) if f.name != "notation"}
            models = ModelWeights(notation=tuple(map(str, group["model"])), **columns)
        if "interactions" in groups:
            terms = groups["interactions"]
            pairs = zip(terms["interaction"], terms["probability"], strict=True)
            interactions = {str(name): float(value) for name, value in pairs}
        if "strata" in groups:
            rest = groups["strata"]
            strata = StrataDraws.from_stored(groups["posterior"]["N_stratum"], rest, json.loads(rest.attrs["dims"]))
        record |= {name: tuple(record[name]) for name in ("lists", "citations")}
        record |= {name: tuple(map(from_record, record[name])) for name in _SAID}
        record["point_kind"] = from_record(record["point_kind"])
        record["chosen"] = None if record.get("chosen") is None else from_record(record["chosen"])
        if record["verdict"] is not None:
            record["verdict"] = verdict_from(record["verdict"])
        return cls(
            distribution=law("distribution"),
            draws=draws.reshape(-1),
            models=models,
            interactions=interactions,
            strata=strata,
            identified=law("identified") if "identified" in groups else None,
            **record,
        )


_SAID = ("inside", "outside", "assumptions", "notes")
