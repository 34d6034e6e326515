"""The model card: what the model is, what it may see, how good it is. Written only for a model that passed."""

import json
from pathlib import Path


def write_card(model: Path, auc: float, gate: float, flights: int, name: str) -> str:
    """Write a Markdown file from the model's manifest and its evaluation, and return its name."""
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    lines = [
        "# Flights: more than 15 minutes late on arrival?",
        "",
        f"AUC {auc:.4f} on {flights:,} later flights; the gate was {gate:.4f}.",
        "Made for one hour before scheduled departure; observed weather stands in for the forecast.",
        "",
        "| input | type | known from training |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {c['name']} | {c['type']} | {len(c['vocabulary'])} values |" for c in manifest["categories"]]
    lines += [f"| {n['name']} | {n['type']} | mean {n['mean']:.4g} |" for n in manifest["numbers"]]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name
