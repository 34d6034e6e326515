from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster.store.naming import base_address, file_name, text_of

TEXTS = st.text(st.characters(), max_size=300) | st.text("ab.%~/#[]é\0", max_size=12)


@given(TEXTS)
def test_names_are_usable_and_read_back(text: str) -> None:
    name = file_name(text)
    assert 0 < len(name.encode()) <= 170
    assert name.isascii()
    assert not name.startswith(".")
    assert not set(name) & set("/\0\n ")
    assert text_of(name) in (text, None)
    assert (text_of(name) is None) == ("~" in name)


@given(st.lists(TEXTS, max_size=20, unique=True))
def test_different_texts_have_different_names(texts: list[str]) -> None:
    assert len({file_name(text) for text in texts}) == len(texts)


def test_long_texts_that_differ_at_the_end_have_different_names() -> None:
    assert file_name("x" * 500 + "a") != file_name("x" * 500 + "b")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("featurize[3]", "featurize[3]"),
        ("train#2", "train#2"),
        ("clean[3][2]", "clean[3][2]"),
        ("épuré", "%C3%A9pur%C3%A9"),
        ("..", "%2E."),
        ("", "%"),
        ("alias/prod", "alias%2Fprod"),
    ],
)
def test_addresses_stay_legible(address: str, name: str) -> None:
    assert file_name(address) == name


@pytest.mark.parametrize(
    ("address", "base"),
    [("train", "train"), ("train#2", "train#2"), ("featurize[3]", "featurize"), ("clean#2[3][2]", "clean#2")],
)
def test_base_address_has_no_items(address: str, base: str) -> None:
    assert base_address(address) == base
