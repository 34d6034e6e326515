from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster.errors import InputError
from tiphys.cluster.quantity import cpu_cores, duration_seconds, memory_bytes, memory_text

FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18} | {
    f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4Gi", 4 * 1024**3),
        ("500Mi", 500 * 1024**2),
        ("1.5G", 1_500_000_000),
        ("0.1Ki", 103),  # 102.4, rounded up as Kubernetes does
        ("1e9", 10**9),
        ("12E", 12 * 10**18),
        (" 2 Gi ", 2 * 1024**3),
        (4096, 4096),
        (".5Mi", 512 * 1024),
    ],
)
def test_memory_is_bytes_of_a_kubernetes_quantity(text: str | int, expected: int) -> None:
    assert memory_bytes(text) == expected


@given(st.integers(1, 10**6), st.sampled_from(sorted(FACTORS)))
def test_memory_of_whole_numbers_is_exact(number: int, suffix: str) -> None:
    assert memory_bytes(f"{number}{suffix}") == number * FACTORS[suffix]


@given(st.decimals(min_value=Decimal("0.001"), max_value=1000, places=3), st.sampled_from(sorted(FACTORS)))
def test_memory_of_parts_is_rounded_up_by_less_than_a_byte(number: Decimal, suffix: str) -> None:
    exact = number * FACTORS[suffix]
    assert exact <= memory_bytes(f"{number}{suffix}") < exact + 1


@given(st.integers(1, 2**70))
def test_memory_text_reads_back(size: int) -> None:
    assert memory_bytes(memory_text(size)) == size


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("4GB", "did you mean 'G'?"),
        ("4gb", "did you mean 'G'?"),
        ("4gi", "did you mean 'Gi'?"),
        ("4GiB", "did you mean 'Gi'?"),
        ("500m", "thousandth of a byte"),
        ("4 parsecs", "not a unit of memory"),
        ("four", "not a quantity"),
        ("", "not a quantity"),
        ("-1Gi", "not a quantity"),
        ("0", "not more than nothing"),
        ("1e999Gi", "not a quantity"),
        (-5, "not more than nothing"),
        (True, "not a quantity"),
    ],
)
def test_wrong_memory_names_the_text_the_setting_and_examples(text: str | int, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        memory_bytes(text, where="train.memory")
    assert f"train.memory={text!r}" in caught.value.message
    assert hint in caught.value.message
    assert "4Gi" in caught.value.fix


@pytest.mark.parametrize(("value", "expected"), [("500m", 0.5), (2, 2.0), (0.25, 0.25), ("2", 2.0), ("1.5", 1.5)])
def test_cpu_is_cores(value: int | float | str, expected: float) -> None:
    assert cpu_cores(value) == expected


@pytest.mark.parametrize("value", ["2Gi", "", "two", 0, -1, "0m", float("nan"), float("inf"), True])
def test_wrong_cpu_names_the_value_and_examples(value: int | float | str) -> None:
    with pytest.raises(InputError, match="cpu=") as caught:
        cpu_cores(value)
    assert "500m" in caught.value.fix


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30s", 30.0),
        ("5min", 300.0),
        ("2h", 7_200.0),
        ("1d", 86_400.0),
        ("1.5h", 5_400.0),
        ("1h 30min", 5_400.0),
        ("1h30min", 5_400.0),
        (" 10 s ", 10.0),
        (timedelta(minutes=3), 180.0),
        ("0s", 0.0),
    ],
)
def test_duration_is_seconds(value: timedelta | str, expected: float) -> None:
    assert duration_seconds(value) == expected


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_duration_adds_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d {hours}h {minutes}min {seconds}s"
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert duration_seconds(text) == duration_seconds(expected) == expected.total_seconds()


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("5m", "write 5min for minutes"),
        ("5", "'5' has no unit"),
        ("5 weeks", "'weeks' is not a unit of time"),
        ("1h 5", "'5' has no unit"),
        ("soon", "not a number with a unit"),
        ("-5s", "not a number with a unit"),
        ("", "is not a duration"),
        (5, "is not a duration"),
        (timedelta(seconds=-1), "is negative"),
    ],
)
def test_wrong_duration_names_the_text_and_examples(value: object, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        duration_seconds(value, where="timeout")  # type: ignore[arg-type]
    assert f"timeout={value!r}" in caught.value.message
    assert hint in caught.value.message
    assert "5min" in caught.value.fix
