"""One write of every kind, as a process of its own: what the crash tests kill."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.cluster.store.builders import make_entry, make_run, make_step
from tiphys.cluster.errors import InputError
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.gc import Policy, plan_gc


def main(root: Path, source: Path) -> None:
    """Print what a later process would see; the same however often an earlier one was killed."""
    store = FolderStore(root)
    killed = len(list((root / "tmp").iterdir()))
    file = store.put_file(source / "b")
    tree = store.put_tree(source)
    units = store.put_bytes(b"units")
    digests = [store.publish(make_entry("a", objects=(file, tree), created=1.0, components={"units": units.digest}))]
    digests.append(store.publish(make_entry("a", created=2.0)))
    run = make_run(os.environ.get("RUN", "r1"), pid=1, host="elsewhere", boot="")
    try:
        store.create_run(run)
    except InputError:
        assert store.run(run.id)
    store.record_step(run.id, make_step("a", entry=digests[0]))
    store.record_steps(run.id, [make_step("b", state="hit"), make_step("c", state="skipped")])
    store.log_path(run.id, "a").write_text("done\n")
    for old, new in ((None, 1), (1, 2)):
        store.swap_ref("alias", old, new)
    store.finish_run(replace(run, state="succeeded", ended=2_000.0))
    store.put_bytes(b"nobody needs this")
    if "GC" in os.environ:
        plan = plan_gc(store.gc_facts(), Policy(grace_seconds=-10.0), time.time())
        assert [deletion.kind for deletion in store.delete(plan)] == ["object"] + ["leftover"] * killed
    entries = store.entries(make_entry("a").key)
    seen = [digests, file, tree, [entry.created for entry in entries], store.read_ref("alias")]
    seen += [sorted(store.step_records(run.id)), store.run(run.id).state]
    sys.stdout.write(f"{seen}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
