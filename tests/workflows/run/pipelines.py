"""Texts of pipelines that several tests run."""

SEVEN = """
@step
def a() -> int:
    return 1
@step
def b(x: int) -> int:
    return x + 1
@step
def c(x: int) -> int:
    return x * 10
@step
def d(x: int) -> int:
    raise ValueError(f"cannot take {x}")
@step
def e(x: int) -> int:
    return x + 3
@step
def f(x: int) -> int:
    return x + 4
@step
def g(x: int, y: int) -> int:
    return x * y
@pipeline
def seven() -> int:
    x = c(b(a()))
    y = d(x)
    return g(f(e(y)), x)
"""

FAN = """
@step
def square(x: int) -> int:
    {body}
    return x * x
@step
def total(xs: list[int]) -> int:
    return sum(xs)
@pipeline
def fan() -> int:
    return total(each([1, 2, 3, 4], lambda x: square(x){more}))
"""
