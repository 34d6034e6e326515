"""The commands by name: where each is defined and what it does in a line. Nothing is imported to list them."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Pipelines": {
        "run": ("running", "run a pipeline on this machine; what is cached is not run"),
        "plan": ("planning", "show what run would do, why, and what it would cost"),
        "rerun": ("running", "run a past run again with today's code"),
        "spin": ("running", "run one step on the inputs it had in a past run"),
    },
    "Past runs": {
        "runs": ("past", "list past runs"),
        "show": ("past", "show the steps, parameters and result of a run"),
        "logs": ("logs", "print what steps wrote"),
        "get": ("get", "print a result, or copy an artifact out of the store"),
        "why": ("past", "say why a step ran: what changed since the result it could have used"),
    },
    "Store and settings": {
        "store ls": ("store", "count what the store holds"),
        "store verify": ("store", "read every object again and quarantine what is corrupt"),
        "store gc": ("store", "delete what no recent run needs"),
        "config": ("config", "show every setting and where it comes from"),
    },
}
"""Heading -> command -> (module below `tiphys.workflows.cli`, summary)."""

COMMANDS: Mapping[str, tuple[str, str]] = {name: told for group in GROUPS.values() for name, told in group.items()}

FAMILIES = frozenset(name.split()[0] for name in COMMANDS if " " in name)


def root_help() -> str:
    """What `tiphys --help` prints."""
    lines = [
        "usage: tiphys COMMAND [OPTIONS]",
        "",
        "Pipelines in plain Python with a cache that is never stale and says why.",
    ]
    for heading, commands in GROUPS.items():
        lines += ["", f"{heading}:", *(f"  {name:<13} {summary}" for name, (_, summary) in commands.items())]
    lines += [
        "",
        "Everywhere: --help, --json, --store PATH, --no-color, --debug. Also: tiphys --version.",
        "RUN is `latest`, an id or the start of one; ADDRESS is `train`, `train#2` (2nd call), `featurize[3]` (item).",
        "",
        "Examples:",
        "  tiphys run pipelines/flights.py -p epochs=1",
        "  tiphys plan pipelines/flights.py",
        "  tiphys why latest train",
        "",
        "Exit codes: 0 done, 1 a step failed, 2 wrong input, 4 a check failed, 5 the platform failed, 130 interrupted.",
    ]
    return "\n".join(lines)
