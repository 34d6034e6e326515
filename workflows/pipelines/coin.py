"""`branch`: a step decides which of two others runs. `tiphys run coin.py -p seed=2`"""

import random

from tiphys import branch, pipeline, step


@step
def flip(seed: int) -> bool:
    return random.Random(seed).random() < 0.5


@step
def heads() -> str:
    return "heads: go on"


@step
def tails() -> str:
    return "tails: stop"


@pipeline
def coin(seed: int = 1) -> str:
    return branch(flip(seed), heads, tails)
