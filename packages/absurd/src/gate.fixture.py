"""The example's worker with a task that waits for a file: for foreign-workers.fault.test.ts."""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "examples"))
sys.dont_write_bytecode = True

from absurd_worker import TaskError, run_worker  # noqa: E402


def gate(params, context):
    if "fail" in params:
        raise TaskError(params["fail"], "fatal")
    context.progress(0.5, "half way")
    while not os.path.exists(os.environ["GO_FILE"]):
        context.check()
        time.sleep(0.02)
    return {"passed": params["n"]}


run_worker(
    os.environ["DATABASE_URL"],
    {"gate": gate},
    lease_seconds=float(os.environ["LEASE_SECONDS"]),
    poll_seconds=0.1,
)
