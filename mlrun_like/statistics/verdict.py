"""What counts as drift: a change that chance does not explain, and that is large enough to matter.

Chance. Two samples of one distribution differ, the more so the smaller they are. Each aspect of a
column has a test whose null distribution knows both numbers of rows:

shape        numbers: Kolmogorov and Smirnov (see `hypotheses`); categories: chi-square of a table
             whose categories with fewer than 5 expected rows are put together (W. G. Cochran,
             Biometrics 10, 1954)
spread       numbers: mean distance to the own median, cut off at the reference's range from 1 % to
             99 % (M. B. Brown and A. B. Forsythe, J. Amer. Statist. Assoc. 69, 1974)
missing      share of missing values: both binomial tails, given how many are missing in all
new          categories that only the new data have: the chance that all rows of a category fall
             into one of the two samples
type         share of values of another type: no test, none is expected
correlation  the largest change of a correlation: Fisher's z with a variance from fourth moments
             (J. H. Steiger and A. R. Hakstian, Brit. J. Math. Statist. Psych. 35, 1982)

A data set of 20 columns has about 60 such tests and 190 pairs. Their p-values are multiplied by
their number (C. E. Bonferroni, 1936; O. J. Dunn, J. Amer. Statist. Assoc. 56, 1961): 4/5 of
`chance` go to the columns, 1/5 to the pairs. So the chance of any false alarm of the whole data set
is at most `chance`, 5 %, however many columns it has, and however they depend on each other.

Size. A million rows make every change significant. An aspect counts as drift from its limit on, and
as possible drift from half of it. By default:

shape 0.1         largest distance of the distribution functions; total variation distance of
                  categories above what chance gives. A shift of a normal variable by 1/4 of its
                  standard deviation has 0.1, and a PSI of about 0.06
spread 0.2        logarithm of the ratio: about 20 % wider or narrower
missing 0.04      share of rows more or fewer
new 0.02          share of rows
type 0.01         share of rows
correlation 0.2   difference of two correlations

The score of a column is the largest size over limit of its significant aspects: 1 and more is
drift, 0.5 and more possible drift, 0 means that chance explains what is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "DETECTED",
    "LIMITS",
    "NONE",
    "POSSIBLE",
    "Aspect",
    "CompareOptions",
    "score_of",
    "status_of",
]

NONE, POSSIBLE, DETECTED = "no drift", "possible drift", "drift detected"
LIMITS = {
    "shape": 0.1, "spread": 0.2, "missing": 0.04, "new": 0.02, "type": 0.01, "correlation": 0.2,
}  # fmt: skip
COLUMNS_PART = 0.8


@dataclass(frozen=True)
class Aspect:
    """One way in which a column may have changed.

    Args:
        name: See the module.
        size: How large the change is, in the units of the limits.
        p: How likely one as large is by chance.
        text: What has changed, for people.
    """

    name: str
    size: float
    p: float
    text: str


@dataclass(frozen=True)
class CompareOptions:
    """How two data sets are compared, and what counts as drift.

    Args:
        chance: The share of data sets without drift that may give an alarm, 0 to 1.
        limits: Sizes that count as drift, by aspect (see the module); others are the defaults.
        bins: Bins of histograms, between the reference's quantiles 0.5 % and 99.5 %.
        exact_rows: Up to so many rows the p-value of Kolmogorov and Smirnov is the exact one;
            SciPy's own default is 10,000, which takes 0.1 s a column.
        categories: Categories that are told apart; a column of texts with more is compared by
            the length of its texts.
        correlation_rows: Rows, evenly spread, that correlations are of; 0: no correlations.
        threads: Columns that are worked on at a time; 0: as many as there are processors.

    Raises:
        InvalidArgumentError: if a value is out of range, or a limit's name is not known.
    """

    chance: float = 0.05
    limits: Mapping[str, float] = field(default_factory=dict)
    bins: int = 20
    exact_rows: int = 1_000
    categories: int = 1_000
    correlation_rows: int = 20_000
    threads: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1:
            raise InvalidArgumentError(
                f"chance={self.chance!r} is no share of false alarms\nfix: a number such as 0.05"
            )
        for name in ("bins", "categories"):
            if getattr(self, name) < 1:
                raise InvalidArgumentError(
                    f"{name}={getattr(self, name)!r} leaves nothing to compare\nfix: 1 or more"
                )
        unknown = sorted(set(self.limits) - set(LIMITS))
        if unknown or not all(limit > 0 for limit in self.limits.values()):
            raise InvalidArgumentError(
                f"limits={dict(self.limits)!r} cannot be used\n"
                f"fix: numbers above 0 for some of {', '.join(LIMITS)}"
            )

    def limit(self, aspect: str) -> float:
        """The size from which on that aspect counts as drift."""
        return self.limits.get(aspect, LIMITS[aspect])


def score_of(aspects: Sequence[Aspect], level: float, options: CompareOptions) -> float:
    """The largest size over its limit of the aspects with p at or below the level.

    >>> score_of([Aspect("shape", 0.2, 1e-9, ""), Aspect("spread", 9, 0.5, "")], 0.001,
    ...          CompareOptions())
    2.0
    """
    held = [one.size / options.limit(one.name) for one in aspects if one.p <= level]
    return max(held, default=0.0)


def status_of(score: float) -> str:
    """`no drift`, `possible drift` from 0.5 on, `drift detected` from 1 on."""
    return DETECTED if score >= 1 else POSSIBLE if score >= 0.5 else NONE
