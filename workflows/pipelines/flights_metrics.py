"""How good are the scores, and how good is the simplest thing that anyone would do?"""

import numpy as np
import numpy.typing as npt
import pandas as pd


def rank_auc(scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_]) -> float:
    """The probability that a positive scores above a negative, ties counting half (Mann and Whitney's U).

    `scores` and `positive` have shape [rows]. Raises ValueError when one of the classes is absent.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise ValueError(f"AUC needs both classes, got {positives} positive and {negatives} negative rows")
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(sizes) - (sizes - 1) / 2  # equal scores share the mean of their ranks
    above = float(mean_rank[group][positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def hour_by_carrier_rate(past: pd.DataFrame, future: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The share of late flights of `past` in the same scheduled hour with the same carrier, for each row of `future`.

    Pairs that `past` has not seen get its overall rate. Nothing of `future` but the pair is looked at.
    """
    rate = past.groupby(["hour", "carrier"])["late"].mean().rename("rate")
    matched = future[["hour", "carrier"]].join(rate, on=["hour", "carrier"])["rate"]
    return np.asarray(matched.fillna(past["late"].mean()), dtype=np.float64)
