"""`squares` and `coin`: built, and run by the engine."""

from pathlib import Path

import pytest


def test_squares_runs_once_an_item(tmp_path: Path) -> None:
    from squares import squares

    assert squares.run(store=tmp_path / "store") == 1 + 4 + 9 + 16 + 25
    assert squares.run(count=2, store=tmp_path / "store") == 5


@pytest.mark.parametrize(("seed", "said"), [(1, "heads: go on"), (2, "tails: stop")])
def test_a_coin_has_two_sides(tmp_path: Path, seed: int, said: str) -> None:
    from coin import coin

    assert coin.run(seed=seed, store=tmp_path / "store") == said


def test_only_one_side_of_the_coin_runs() -> None:
    from coin import coin

    conditions = {call.address: [c.expected for c in call.conditions] for call in coin.build({}).calls}
    assert conditions == {"flip": [], "heads": [True], "tails": [False]}
