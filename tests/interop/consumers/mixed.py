"""Checks three consumers at once, in Symfony, Python and Rust, on one queue and the same databases, killed again and again, with jobs that succeed and jobs that fail.

    python mixed.py EDGE_ADDRESS SQS_ADDRESS POSTERN_BINARY

Wants boto3, the example consumer beside Postern's binary, and a stack without a consumer, such as `postern dev --no-worker`.
"""

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "symfony"), str(HERE.parent / "boto3")]
from application import VISIBILITY_SECONDS, Application  # noqa: E402
from checking import Queue, check, contacts, failed, reason, result  # noqa: E402
from partner import Partner  # noqa: E402
from supervised import Supervised  # noqa: E402
from worker import worker as python_worker  # noqa: E402

END_SECONDS_MAX = 90
ACCOUNTS = 3
IMPORTS = 60
CONTACTS = 300
REFUSED = 9
KILLS = 9


def rust_worker(folder: Path, sqs: str, postern: str) -> Supervised:
    environment = os.environ | {"POSTERN_SQS_ENDPOINT": f"http://{sqs}", "POSTERN_DATA_DIR": str(folder)}
    return Supervised([str(Path(postern).with_name("contacts-import"))], environment, folder / "worker.log")


def mixed(partner: Partner, jobs: Queue, folder: Path, workers: list[Supervised]) -> None:
    rust, symfony, python = workers
    with rust:
        # The one that gives a new database its write-ahead log goes first.
        first = [partner.import_contacts(f"account-{index}", 1) for index in range(ACCOUNTS)]
        check("one begins", all(result(partner.ended(job, END_SECONDS_MAX)) for job in first))
        imports = [partner.import_contacts(f"account-{index % ACCOUNTS}", CONTACTS) for index in range(IMPORTS)]
        refused = [partner.import_contacts("unknown", 1) for _ in range(REFUSED)]
        with symfony, python:
            for index in range(KILLS):
                partner.running(imports[index * IMPORTS // KILLS], END_SECONDS_MAX)
                workers[index % len(workers)].kill()
            ended = [partner.ended(job, END_SECONDS_MAX) for job in imports]
            refused = [partner.ended(job, END_SECONDS_MAX) for job in refused]
            check("nothing is left in the queue", jobs.empties(END_SECONDS_MAX))
            deaths = [worker.deaths for worker in workers]
    check("each was killed", sum(deaths) >= KILLS and min(deaths) >= 1, deaths)
    check("every import succeeds all the same", {job["state"] for job in ended} == {"JOB_STATE_SUCCEEDED"}, ended)
    check("and says what it inserted", all(result(job) == {"inserted": CONTACTS, "skipped": 0} for job in ended), ended)
    check("every other job fails with its reason", {reason(job) for job in refused} == {"ACCOUNT_UNKNOWN"}, refused)
    rows = contacts(folder / "shards", "account-*")
    check("every row is there once", rows == ACCOUNTS + IMPORTS * CONTACTS, rows)


def main(edge: str, sqs: str, postern: str, *_more: str) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-mixed-") as name:
        folder = Path(name)
        jobs = Queue(sqs, "postern-jobs")
        jobs.hide_for(VISIBILITY_SECONDS)
        workers = [rust_worker(folder, sqs, postern), Application(folder, edge, sqs).worker(), python_worker(folder, sqs)]
        try:
            mixed(Partner(edge), jobs, folder, workers)
        finally:
            if failed() or sys.exc_info()[0]:
                print(folder.joinpath("worker.log").read_text(errors="replace")[-20_000:])
    return 1 if failed() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
