"""`each`: one step, many items. `tiphys run squares.py -p count=20`"""

from tiphys import each, pipeline, step


@step
def square(number: int) -> int:
    return number * number


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pipeline
def squares(count: int = 5) -> int:
    return total(each(range(1, count + 1), square, parallel=2))
