from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from flights_data import read
from flights_metrics import hour_by_carrier_rate, rank_auc
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, bool]]) -> None:
    ahead = [a for a, late in rows if late]
    behind = [b for b, late in rows if not late]
    scores = np.array([score for score, _ in rows], dtype=np.float64)
    late = np.array([label for _, label in rows])
    if not ahead or not behind:
        with pytest.raises(ValueError, match="AUC needs both classes"):
            rank_auc(scores, late)
        return
    pairs = [(a > b) + (a == b) / 2 for a in ahead for b in behind]
    assert rank_auc(scores, late) == pytest.approx(sum(pairs) / len(pairs))


def test_departure_delay_alone_would_look_brilliant(tables: dict[str, Path]) -> None:
    """Why there is a list of columns: this is what leakage looks like."""
    flights = read(tables["completed"], ["month", "dep_delay", "arr_delay"])
    test = flights.filter(pc.greater_equal(flights["month"], 10)).to_pandas()
    late = (test["arr_delay"] > 15).to_numpy()
    assert rank_auc(test["dep_delay"].to_numpy(dtype=np.float64), late) == pytest.approx(0.885, abs=0.0005)


def test_the_baseline_on_all_flights(tables: dict[str, Path]) -> None:
    flights = read(tables["completed"], ["month", "hour", "carrier", "arr_delay"]).to_pandas()
    flights["late"] = flights["arr_delay"] > 15
    past, future = flights[flights["month"] < 10], flights[flights["month"] >= 10]
    auc = rank_auc(hour_by_carrier_rate(past, future), future["late"].to_numpy())
    assert auc == pytest.approx(0.631, abs=0.0005)


def test_the_baseline_learns_from_the_past_alone() -> None:
    past = pd.DataFrame({"hour": [6, 6, 7, 7], "carrier": ["UA"] * 4, "late": [True, False, False, False]})
    future = pd.DataFrame({"hour": [6, 7, 8], "carrier": ["UA"] * 3, "late": [False, True, True]})
    rate = hour_by_carrier_rate(past, future)
    assert rate.tolist() == [0.5, 0.0, 0.25]  # the last pair is new: the overall rate of the past
    assert hour_by_carrier_rate(past, future.assign(late=False)).tolist() == rate.tolist()
