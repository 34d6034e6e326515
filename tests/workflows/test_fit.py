"""What may start on a machine: tables, and laws over random requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster.errors import InputError
from tiphys.cluster.machine import Machine
from tiphys.workflows.fit import (
    Request,
    Start,
    StartAlone,
    Wait,
    amount,
    check_profile,
    check_request,
    fits,
    request_for,
)
from tiphys.workflows.graph import Settings
from tiphys.workflows.settings import Config

GIB = 1 << 30
MACHINE = Machine(cpus=4.0, memory_bytes=16 * GIB, disk_free_bytes=100 * GIB, gpus=2)


def a_config(**profiles: dict[str, object]) -> Config:
    return Config(Path("/p"), Path("/p/.tiphys"), "user/ann", profiles=profiles)


def test_room() -> None:
    running = [Request(1.0, 8 * GIB, 1), Request(2.0)]
    assert fits(running, Request(1.0, 8 * GIB, 1), MACHINE) == Start("there is room on this machine")


@pytest.mark.parametrize(
    ("running", "request_", "reason"),
    [
        (Request(3.0), Request(2.0), "waits for 2 cores: 3 of 4 are taken"),
        (Request(0.5, 10 * GIB), Request(1.0, 8 * GIB), "waits for 8Gi of memory: 10Gi of 16Gi are taken"),
        (Request(1.0, gpu=2), Request(1.0, gpu=1), "waits for 1 GPU: 2 of 2 are taken"),
        (
            Request(1.0, ephemeral_storage_bytes=90 * GIB),
            Request(1.0, ephemeral_storage_bytes=20 * GIB),
            "waits for 20Gi of disk: 90Gi of 100Gi are taken",
        ),
        (
            Request(1.0),
            Request(8.0, 64 * GIB),
            "waits to run alone: it asks for 8 cores, this machine has 4 and asks for 64Gi of memory, "
            "this machine has 16Gi",
        ),
    ],
)
def test_wait(running: Request, request_: Request, reason: str) -> None:
    assert fits([running], request_, MACHINE) == Wait(reason)


def test_more_than_the_machine_runs_alone_with_a_warning_or_is_refused() -> None:
    big = Request(1.0, 64 * GIB)
    assert fits([], big, MACHINE) == StartAlone("runs alone: it asks for 64Gi of memory, this machine has 16Gi")
    with pytest.raises(InputError, match="asks for 64Gi of memory, this machine has 16Gi") as caught:
        fits([], big, MACHINE, strict=True)
    assert "--strict-resources" in caught.value.fix


def test_nothing_starts_beside_a_step_that_runs_alone() -> None:
    assert isinstance(fits([Request(1.0, 64 * GIB)], Request(0.1), MACHINE), Wait)


@pytest.mark.parametrize("strict", [False, True])
def test_gpus_are_never_replaced_by_the_cpu(strict: bool) -> None:
    with pytest.raises(InputError, match="it asks for 4 GPUs, and this machine has 2") as caught:
        fits([], Request(1.0, gpu=4), MACHINE, strict=strict)
    assert "nothing falls back to the CPU" in caught.value.fix


def test_gpus_of_another_type() -> None:
    machine = Machine(4.0, GIB, GIB, 2, ("NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3"))
    assert check_request(Request(gpu=1, gpu_type="nvidia-h100"), machine) == ""
    assert check_request(Request(gpu=2), machine) == ""
    with pytest.raises(InputError, match="asks for 2 h100 GPUs, and this machine has NVIDIA A100"):
        check_request(Request(gpu=2, gpu_type="h100"), machine)
    assert check_request(Request(gpu=2, gpu_type="h100"), MACHINE) == ""  # the driver does not say what it has


requests = st.builds(
    Request,
    cpu=st.sampled_from([0.1, 0.5, 1.0, 2.0, 4.0, 9.0]),
    memory_bytes=st.integers(0, 20).map(lambda n: n * GIB),
    gpu=st.integers(0, 2),
    ephemeral_storage_bytes=st.integers(0, 3).map(lambda n: n * 40 * GIB),
)


@given(st.lists(requests, max_size=12))
def test_admitted_together_they_fit_or_run_alone(asked: list[Request]) -> None:
    running: list[Request] = []
    for request in asked:
        decision = fits(running, request, MACHINE)
        assert decision.reason
        if isinstance(decision, StartAlone):
            assert not running
        if not isinstance(decision, Wait):
            running.append(request)
        elif not running:
            pytest.fail(f"waits for nothing: {decision}")
    if len(running) > 1:
        assert sum(r.cpu for r in running) <= MACHINE.cpus + 1e-6
        assert sum(r.memory_bytes for r in running) <= MACHINE.memory_bytes
        assert sum(r.gpu for r in running) <= MACHINE.gpus
        assert sum(r.ephemeral_storage_bytes for r in running) <= MACHINE.disk_free_bytes


@given(requests, st.lists(requests, max_size=5))
def test_when_it_waits_it_waits_for_what_runs(request_: Request, running: list[Request]) -> None:
    """Whatever runs, the step starts once it has ended."""
    assert not isinstance(fits([], request_, MACHINE), Wait)
    if isinstance(fits(running, request_, MACHINE), Start | StartAlone):
        assert not isinstance(fits(running[1:], request_, MACHINE), Wait)


def test_tenths_add_up() -> None:
    assert isinstance(fits([Request(0.1)] * 39, Request(0.1), MACHINE), Start)


def test_request_layers() -> None:
    settings = Settings(cpu=2.0, memory_bytes=GIB, profiles={"cluster": {"gpu": 1, "gpu_type": "h100", "link": "x"}})
    config = a_config(cluster={"cpu": 8.0, "gpu": 4}, small={"memory_bytes": 5})
    assert request_for(settings, "local", config) == Request(2.0, GIB)
    assert request_for(settings, "cluster", config) == Request(8.0, GIB, 1, "h100")
    assert request_for(settings, "small", config) == Request(2.0, 5)
    assert request_for(Settings(), "local", config) == Request()
    assert request_for(Settings(profiles={"local": {"memory": "2Gi"}}), "local", config) == Request(1.0, 2 * GIB)


def test_a_misspelt_profile() -> None:
    config = a_config(big={})
    steps = [Settings(profiles={"lab": {"cpu": 1}})]
    for known in ("local", "cluster", "big", "lab"):
        check_profile(known, steps, config)
    with pytest.raises(InputError, match="knows the profile 'clster'") as caught:
        check_profile("clster", steps, config)
    assert caught.value.fix == "profiles here: big, cluster, lab, local"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (512, "512"), (1 << 20, "1Mi"), (3 << 29, "1.5Gi"), (25276063744, "23.54Gi")]
)
def test_amount(size: int, text: str) -> None:
    assert amount(size) == text
