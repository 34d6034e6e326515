from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster.store.records import ObjectRef, Observed
from tiphys.workflows.worker.task import Done, Task

TEXT = st.text(max_size=5)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
LINES = st.dictionaries(TEXT, st.lists(st.tuples(st.integers(), st.integers()), max_size=2).map(tuple), max_size=2)
PLAIN = st.dictionaries(TEXT, TEXT, max_size=2)
TASKS = st.builds(
    Task, *[TEXT] * 2, st.integers(), *[TEXT] * 4, TEXTS, PLAIN, TEXT, TEXT, PLAIN, PLAIN, PLAIN, *[TEXT] * 4, PLAIN,
    TEXT, TEXT, st.booleans(), TEXTS, TEXTS, TEXTS, st.booleans(), PLAIN, PLAIN, LINES,
)  # fmt: skip


@given(TASKS)
def test_a_task_survives_json(task: Task) -> None:
    assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task


@given(TEXT, TEXTS, PLAIN)
def test_an_answer_survives_json(text: str, texts: tuple[str, ...], plain: dict[str, str]) -> None:
    done = Done(
        "failed", "user", text, text, plain, (ObjectRef(text, "tree", 3),), text,
        Observed(files=plain, local=texts), 1.5, 7, texts,
    )  # fmt: skip
    assert Done.from_json(json.loads(json.dumps(done.to_json()))) == done


@given(TASKS)
def test_secrets_are_not_in_the_representation(task: Task) -> None:
    assert "secrets" not in repr(task)
