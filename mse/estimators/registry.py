"""The registry: one row for every method, with everything that is decided by what a method is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mse.tables.checks import MAX_LISTS, MOST_LISTS

Basis = Literal["models", "identified", "one model", "assumed"]
"""What an estimate rests on."""

ALL_ORDERS = 8
"""Most lists for which shrinkage takes terms of every order unless it is told otherwise; beyond, pairs."""


@dataclass(frozen=True, slots=True)
class Method:
    """A row of the registry. Its name in words stands in the catalogues, under ``method``.

    Parameters
    ----------
    module, spec : str
        Module in ``mse.estimators``, whose function `estimate` is called, and the class of its options.
    basis : str
        ``"models"`` when what the data say of dependence is inside its interval and departures from the identifying
        assumption too; ``"identified"`` when the choice among many models is, and the assumption is taken for granted;
        ``"one model"`` when the choice is not; and ``"assumed"`` when the dependence between lists is not left to the
        data; the last are held against nobody.
    reads : str
        The class of table that it takes.
    lists : (int, int)
        Fewest and most lists that it takes; within these only time may set an end.
    strata : bool
        Whether it takes a table with covariates; for the others they are summed over.
    asked : bool
        Whether it takes one all the same when its option ``strata``, or one that implies it, is given.
    also : tuple of str
        Other classes of table that it takes.
    together : bool
        Whether the levels of ``by`` are its strata, estimated together, and not tables of their own.
    slow_beyond : int or None
        With more lists than this it takes minutes, and `mse.compare` runs it only when it is named.
    useful_from : int
        With fewer lists another method gives the same, exactly: `mse.compare` runs it only when it is named.
    bound : bool
        Whether its number is a lower bound.
    prior : str or None
        Which prior an assessment varies: that over ``"models"`` or over ``"graphs"``.
    stands_for_unseen : bool
        Whether models that its search has not visited are in its answer all the same.
    names_model : bool
        Whether a model that is named in its options is its label.
    referee : tuple of mapping
        Options with which other answers are held against it, each once; nothing for most methods.
    referee_lists : int
        Most lists with which it is quick enough for that.
    answers_referee : str
        Module whose ``referee`` gives what a verdict reads of its answer, and nothing else.
    beside : bool
        Whether a job shows it beside its headline without being asked.
    identified : mapping or None
        Options under which it takes the identifying assumption for granted, where departures from that assumption have
        been learned (`mse.assess.calibrated`) and its option ``departures`` puts them into the interval; else None.
    only_named : bool
        Whether `mse.compare` runs it only when it is named: for those who expect it, no choice of ours.
    """

    module: str
    spec: str
    basis: Basis
    reads: str = "CaptureTable"
    lists: tuple[int, int] = (2, MAX_LISTS)
    strata: bool = False
    asked: bool = False
    also: tuple[str, ...] = ()
    together: bool = False
    slow_beyond: int | None = None
    useful_from: int = 0
    bound: bool = False
    prior: Literal["models", "graphs"] | None = None
    stands_for_unseen: bool = False
    names_model: bool = False
    referee: tuple[Mapping[str, Any], ...] = ()
    referee_lists: int = 6
    answers_referee: str = ""
    beside: bool = False
    identified: Mapping[str, Any] | None = None
    only_named: bool = False

    def compared(self, n_lists: int, strata: bool) -> bool:
        """Return whether `mse.compare` runs it without being asked on a table of so many lists."""
        quick = self.slow_beyond is None or n_lists <= self.slow_beyond
        fits = self.reads == "CaptureTable" and (strata or not self.strata)
        return fits and quick and n_lists >= self.useful_from and not self.only_named


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the rule by which ``auto``, the method when none is named, chooses.

    Parameters
    ----------
    code : str
        Why; `mse.estimators.automatic` says it, and the catalogues have the words under ``chosen``.
    reads : tuple of str
        The classes of table that the line is for.
    lists : (int, int)
        Fewest and most lists that it is for.
    method : str
        The method that is chosen.
    options : mapping
        Its options, beside those that are given.
    """

    code: str
    reads: tuple[str, ...]
    lists: tuple[int, int]
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)


_LISTS = ("CaptureTable", "HistoryTable")
_WITH_DEPARTURES: Mapping[str, Any] = {"departures": True}

CHOICES: tuple[Choice, ...] = (
    Choice("two_lists", _LISTS, (2, 2), "shrinkage", _WITH_DEPARTURES),
    Choice("all_orders", _LISTS, (3, ALL_ORDERS), "shrinkage", _WITH_DEPARTURES),
    Choice("pairs", _LISTS, (ALL_ORDERS + 1, MOST_LISTS), "shrinkage", _WITH_DEPARTURES),
    Choice("one_register", ("RepeatCounts",), (0, 0), "repeats"),
    Choice("persons", ("PersonTable",), (2, MOST_LISTS), "doubly-robust"),
)
"""The rule of ``auto``: the first line for the class of the table and its number of lists. Shrinkage with learned
departures is the method whose intervals hold on both boards (docs/truth.md); on two lists, where no data show whether
they depend on each other, it is the one that does not claim to know."""


METHODS: Mapping[str, Method] = {
    "auto": Method(
        "automatic", "AutoSpec", "models", lists=(2, MOST_LISTS), asked=True,
        also=("HistoryTable", "RepeatCounts", "PersonTable"), together=True, identified={},
    ),
    "average": Method(
        "averages.averaging", "AverageSpec", "identified", prior="models", referee=({"corrected": 0.5},),
        referee_lists=5, answers_referee="averages.laplace", identified={},
    ),
    "shrinkage": Method(
        "shrinkage.shrinkage", "ShrinkageSpec", "models", asked=True, also=("HistoryTable",), together=True,
        identified={"saturated": False},
    ),
    "decomposable": Method(
        "averages.decomposable", "DecomposableSpec", "identified", lists=(3, 7), prior="graphs", referee=({},),
        answers_referee="averages.decomposable", identified={},
    ),
    "loglinear": Method(
        "single.bestmodel", "LoglinearSpec", "one model", names_model=True,
        referee=({"criterion": "bic"}, {"criterion": "bic_cells"}), answers_referee="single.bestmodel",
    ),
    "stepwise": Method("single.stepwise", "StepwiseSpec", "identified"),
    "downhill": Method("single.downhill", "DownhillSpec", "one model"),
    "bootstrap": Method("single.bootstrap", "BootstrapSpec", "identified", slow_beyond=5),
    "profile": Method("single.profile", "ProfileSpec", "one model", slow_beyond=5),
    "independence": Method("simple.classical", "IndependenceSpec", "assumed", beside=True),
    "chapman": Method("simple.classical", "ChapmanSpec", "assumed"),
    "chao": Method("simple.classical", "ChaoSpec", "assumed", bound=True, beside=True),
    "sample-coverage": Method("simple.classical", "CoverageSpec", "assumed", beside=True),
    "mh": Method("simple.closedcapture", "MhSpec", "assumed", lists=(3, MAX_LISTS), only_named=True),
    "mth": Method("simple.closedcapture", "MthSpec", "assumed", lists=(3, MAX_LISTS), only_named=True),
    "mb": Method("simple.closedcapture", "MbSpec", "assumed", only_named=True),
    "covariates": Method("stratified.withcovariates", "CovariatesSpec", "one model", strata=True),
    "dutch-method": Method("stratified.dutch", "DutchSpec", "one model", lists=(3, MAX_LISTS), strata=True),
    "average-strata": Method("stratified.strataaverage", "StrataAverageSpec", "identified", strata=True),
    "search-average": Method(
        "averages.searched", "SearchAverageSpec", "identified", useful_from=7, stands_for_unseen=True
    ),
    "latent-class": Method("latentclass.hiddenclasses", "LatentClassSpec", "identified", asked=True, slow_beyond=5),
    "multilevel": Method("multilevel.partialpooling", "MultilevelSpec", "identified", strata=True, slow_beyond=0),
    "repeats": Method("repeats.oneregister", "RepeatsSpec", "assumed", "RepeatCounts"),
    "doubly-robust": Method("doublyrobust.onepair", "DoublyRobustSpec", "assumed", "PersonTable"),
}  # fmt: skip
"""Every method by the name that users give."""


def row_of(method: str) -> Method | None:
    """Return the row of a method; None for an answer that is none of them, such as one for a family of counts."""
    return METHODS.get(method)
