#!/usr/bin/env python3
"""A whole stack on an SQS server that others wrote: jobs are executed, and a task that nobody can execute becomes a dead letter.

    whole.py http://127.0.0.1:9324 POSTERN
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "consumers")]
from checking import Queue, check, contacts, failed, reason  # noqa: E402
from partner import Partner  # noqa: E402
from stack import Stack  # noqa: E402
from tally import ROOT  # noqa: E402

JOBS = 30
CONTACTS = 20
# As `postern dev` makes its queues.
RECEIVES_MAX = 5
SECONDS_MAX = 60
# A poll of the dead letters, and the grace that a job has then.
DEAD_SECONDS_MAX = 120
LOST = """name: lost
version: "1"
consumer_type: Lost
schema: {type: object}
queue: lost-jobs
on_dead_letter: fail
"""


def executed(partner: Partner, shards: Path) -> None:
    jobs = [partner.import_contacts("acme-1", CONTACTS) for _ in range(JOBS)]
    states = [partner.ended(job, SECONDS_MAX)["state"] for job in jobs]
    check(f"{JOBS} jobs are executed", states == ["JOB_STATE_SUCCEEDED"] * JOBS, states)
    rows = contacts(shards, "acme-1")
    check("each contact is there once", rows == JOBS * CONTACTS, rows)


def dies(partner: Partner, sqs: str) -> None:
    job, queue = partner.submit("lost", {}), Queue(sqs, "lost-jobs")
    receives = 0
    while message := received(queue):
        receives += 1
        queue.client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=message, VisibilityTimeout=0)
    check("a task is received so often and no more", receives == RECEIVES_MAX, receives)
    ended = partner.ended(job, DEAD_SECONDS_MAX)
    check("its job fails", (ended["state"], reason(ended)) == ("JOB_STATE_FAILED", "TASK_DEAD_LETTERED"), ended)
    history = partner.history(job)
    check("its history says why", history == ["submitted", "sent", "dead_lettered", "failed"], history)
    dead = Queue(sqs, "lost-jobs-dlq")
    check("nothing is left of it", dead.empties(SECONDS_MAX) and queue.empties(SECONDS_MAX), (dead.depth(), queue.depth()))


def received(queue: Queue) -> str | None:
    """The handle of the next message, if there is one."""
    reply = queue.client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=5)
    return next((message["ReceiptHandle"] for message in reply.get("Messages", [])), None)


def main(url: str, postern: str) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-catalog-") as catalog:
        shutil.copytree(ROOT / "catalog", catalog, dirs_exist_ok=True)
        Path(catalog, "lost.yaml").write_text(LOST)
        settings = {"sqs_endpoint": url, "catalog": catalog}
        with Stack(Path(postern), "dev", wants=("edge",), settings=settings) as stack:
            partner = Partner(stack.addresses["edge"])
            executed(partner, Path(stack.folder.name, "data", "shards"))
            dies(partner, url.removeprefix("http://"))
            code = stack.stop()
            check("the stack ends well on Ctrl-C", code == 0, code)
            if failed():
                print(stack.output(), flush=True)
    return failed()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
