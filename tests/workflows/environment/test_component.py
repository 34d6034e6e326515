"""From import names to the distributions that enter a key."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.environment.locks import NAMES, Lock, locks
from tiphys.workflows.environment.component import component
from tiphys.workflows.environment.import_names import SHIPPED
from tiphys.workflows.environment.model import EDITABLE, Environment, ImportTable, normalized
from tiphys.workflows.environment.stdlib_names import stdlib_names

TABLE = ImportTable({}, SHIPPED)
VERSIONS = {
    "pandas": "3.1",
    "numpy": "2.4",
    "python-dateutil": "2.9",
    "six": "1.17",
    "pyyaml": "6.0",
    "protobuf": "6.0",
    "google-auth": "2.0",
    "google-cloud-storage": "3.0",
    "plugin": "1.0",
    "tiphys": "0.1",
    "rich": "15.0",
    "my-lib": EDITABLE,
}
REQUIRES = {
    "pandas": ("numpy", "python-dateutil"),
    "python-dateutil": ("six",),
    "google-cloud-storage": ("google-auth",),
    "plugin": ("tiphys", "six", "my-lib"),
    "tiphys": ("rich",),
    "my-lib": ("numpy",),
}


def an_environment(**changes: object) -> Environment:
    given_: dict[str, object] = {
        "name": "default",
        "source": "requirements.lock",
        "python": "3.11",
        "platform": "linux-x86_64",
        "versions": VERSIONS,
        "requires": REQUIRES,
        "excluded": frozenset({"colorama"}),
    }
    return Environment(**(given_ | changes))  # type: ignore[arg-type]


def names(*imports: str, table: ImportTable = TABLE, **changes: object) -> set[str]:
    found = component(an_environment(**changes), imports, table)
    assert not found.notes
    return set(found.versions)


def test_what_is_imported_enters_with_what_it_needs() -> None:
    found = component(an_environment(), {"pandas"}, TABLE)
    assert found.python == "3.11"
    assert found.versions == {"numpy": "2.4", "pandas": "3.1", "python-dateutil": "2.9", "six": "1.17"}
    assert list(found.versions) == sorted(found.versions)


def test_names_that_differ() -> None:
    assert names("yaml") == {"pyyaml"}
    assert names("dateutil") == {"python-dateutil", "six"}
    assert names("google") == {"protobuf", "google-auth", "google-cloud-storage"}


def test_standard_library_tiphys_and_first_party_never_enter() -> None:
    assert names("os", "json", "tiphys", "__future__") == set()
    assert names("plugin") == {"plugin", "six", "numpy"}
    assert names("my_lib") == {"numpy"}


def test_an_import_that_is_not_installed_here_is_nothing() -> None:
    assert names("colorama") == set()


def test_a_removed_module_of_the_standard_library_is_third_party() -> None:
    versions = VERSIONS | {"setuptools": "80"}
    assert names("distutils", versions=versions, python="3.11") == set()
    assert names("distutils", versions=versions, python="3.12") == {"setuptools"}


def test_the_project_has_the_last_word() -> None:
    table = ImportTable({"yaml": ("Six",), "extra": ("numpy", "google-*"), "cupy": ()}, SHIPPED)
    assert names("yaml", table=table) == {"six"}
    assert names("extra", table=table) == {"numpy", "google-auth", "google-cloud-storage"}
    assert names("cupy", table=table) == set()


ALL = set(VERSIONS) - {"tiphys", "my-lib"}


def test_an_unknown_import_lets_everything_enter_and_says_so() -> None:
    found = component(an_environment(), {"pandas", "secret_sauce"}, TABLE)
    assert set(found.versions) == ALL
    assert found.notes == (
        "import secret_sauce: not known which distribution of requirements.lock it comes from, so all 10 count; "
        'say it in [tool.tiphys.imports]: secret_sauce = "DISTRIBUTION" (secret_sauce = [] when it is none of them)',
    )


def test_a_declaration_that_the_lock_does_not_hold() -> None:
    found = component(an_environment(), {"yaml"}, ImportTable({"yaml": ("ruamel-yaml",)}, SHIPPED))
    assert set(found.versions) == ALL
    assert "says ruamel-yaml, which is not in requirements.lock" in found.notes[0]


def test_a_lock_without_edges_counts_whole_when_anything_of_it_is_imported() -> None:
    found = component(an_environment(requires=None), {"yaml"}, TABLE)
    assert set(found.versions) == ALL
    assert found.notes == ("requirements.lock does not say what depends on what, so all 10 distributions count",)
    for imports in (set(), {"os"}, {"colorama"}):
        assert component(an_environment(requires=None), imports, TABLE).versions == {}


def test_notes_of_the_environment_are_shown_to_steps_that_import() -> None:
    environment = an_environment(notes=("no lock file",))
    assert component(environment, {"yaml"}, TABLE).notes == ("no lock file",)
    assert component(environment, {"os"}, TABLE).notes == ()


def environment_of(lock: Lock) -> Environment:
    return an_environment(versions=lock.versions, requires=lock.requires, excluded=frozenset())


imports_of_locks = st.frozensets(st.sampled_from([name.replace("-", "_") for name in NAMES]), max_size=3)


@given(locks(), imports_of_locks, imports_of_locks)
def test_more_imports_never_mean_less(lock: Lock, some: frozenset[str], more: frozenset[str]) -> None:
    few = component(environment_of(lock), some, TABLE).versions
    many = component(environment_of(lock), some | more, TABLE).versions
    assert few.items() <= many.items() <= lock.versions.items()


@given(locks(), imports_of_locks, st.sampled_from(NAMES))
def test_an_upgrade_changes_the_component_exactly_when_the_distribution_is_in_it(
    lock: Lock, imports: frozenset[str], name: str
) -> None:
    if name not in lock.versions:
        return
    before = component(environment_of(lock), imports, TABLE)
    after = component(environment_of(Lock(lock.versions | {name: "99"}, lock.requires)), imports, TABLE)
    assert (before != after) == (name in before.versions)


@given(locks())
def test_what_enters_is_closed_under_requirements(lock: Lock) -> None:
    for name in lock.versions:
        found = component(environment_of(lock), {name.replace("-", "_")}, TABLE).versions
        for reached in found:
            assert set(lock.requires.get(reached, ())) <= set(found)


def test_the_shipped_table_is_well_formed() -> None:
    assert len(SHIPPED) > 200
    for name, distributions in SHIPPED.items():
        assert name.isidentifier()
        assert distributions
        for distribution in distributions:
            assert normalized(distribution) == distribution.rstrip("*") or distribution.endswith("-*")
        assert distributions != (normalized(name),), f"{name}: equal names need no line"


def test_standard_library_by_version() -> None:
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    public = {name for name in sys.stdlib_module_names if not name.startswith("_")}
    assert public <= stdlib_names(running)
    assert {"asyncore", "distutils", "cgi"} <= stdlib_names("3.11")
    assert "imp" not in stdlib_names("3.12")
    assert "cgi" in stdlib_names("3.12")
    assert not {"cgi", "telnetlib"} & stdlib_names("3.13")
    assert "compression" not in stdlib_names("3.13")
    assert "compression" in stdlib_names("3.14")
