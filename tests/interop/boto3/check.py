"""Checks the Python consumer against a stack without one: every job reaches its end, and every row is there once.

    python check.py EDGE_ADDRESS SQS_ADDRESS

Wants boto3, and a stack without a consumer on a catalog that has the project's job types and those of ../consumers/catalog:
`POSTERN_CATALOG=CATALOG postern dev --no-worker`.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "consumers"))
from checking import Queue, check, contacts, failed, reason, result, tries  # noqa: E402
from partner import Partner  # noqa: E402
from worker import worker  # noqa: E402

END_SECONDS_MAX = 60
KILLS = 4
IMPORTS = 24
CONTACTS = 400
TEXT = "größer " * 78_000 + "\ufffe\u0001/"
FIGURES = [0, -1, 0.1, 9007199254740991, -9007199254740991, 1e-7, 123456789.125, "9223372036854775807", {"a": [None]}]
DISPATCHES = 3
BEATS = 70  # more than the visibility timeout


def ordinary(partner: Partner, jobs: Queue, folder: Path, sqs: str) -> None:
    jobs.send("no JSON")
    done = partner.import_contacts("done", 700)
    unknown = partner.import_contacts("unknown", 1)
    flaky = partner.submit("rehearse", {"failures": DISPATCHES - 1})
    hopeless = partner.submit("rehearse", {"failures": DISPATCHES})
    figures = partner.submit("rehearse", {"figures": FIGURES})
    text = partner.submit("rehearse", {"text": TEXT})
    unusable = partner.submit("rehearse", {"unusable": True})
    partner.submit("misnamed", {})
    with worker(folder, sqs) as one:
        job = partner.ended(done, END_SECONDS_MAX)
        check("a job is executed", result(job) == {"inserted": 700, "skipped": 0}, job)
        check("its progress was seen", job.get("progress", {}).get("completed") == 700, job)
        check("a failure has its reason", reason(partner.ended(unknown, END_SECONDS_MAX)) == "ACCOUNT_UNKNOWN")
        job = partner.ended(flaky, END_SECONDS_MAX)
        check("a job that fails is handed out again", (result(job).get("tries"), job["dispatch"]) == (DISPATCHES, DISPATCHES), job)
        job = partner.ended(hopeless, END_SECONDS_MAX)
        check("as often as its type allows", (reason(job), job["dispatch"]) == ("TASK_FAILED", DISPATCHES), job)
        check("and says nothing internal", "swordfish" not in str(job), job)
        job = partner.ended(figures, END_SECONDS_MAX)
        check("numbers arrive as they were sent", result(job).get("figures") == FIGURES, job)
        job = partner.ended(text, END_SECONDS_MAX)
        check("700 KB arrive as they were sent", result(job).get("textSha256") == hashlib.sha256(TEXT.encode()).hexdigest(), job)
        job = partner.ended(unusable, END_SECONDS_MAX)
        check("a result that cannot be told fails the job", reason(job) == "TASK_FAILED", job)
        check("one worker did it", one.deaths == 0, one.deaths)
        with worker(folder, sqs):
            long = partner.submit("rehearse", {"beatsMax": BEATS})
            job = partner.ended(long, END_SECONDS_MAX)
            check("a task that takes long is kept from others", tries(folder / "tries.sqlite", long) == 1, job)


def killed(partner: Partner, jobs: Queue, folder: Path, sqs: str) -> None:
    deadly = partner.submit("rehearse", {"deaths": 1})
    imports = [partner.import_contacts(f"account-{index % 3}", CONTACTS) for index in range(IMPORTS)]
    with worker(folder, sqs) as one, worker(folder, sqs) as other:
        for index in range(KILLS):
            partner.running(imports[index * 5], END_SECONDS_MAX)
            (one, other)[index % 2].kill()
        ended = [partner.ended(job, END_SECONDS_MAX) for job in imports]
        dead = partner.ended(deadly, END_SECONDS_MAX)
        check("nothing is left in the queue, poison neither", jobs.empties(END_SECONDS_MAX))
        check("workers were killed", one.deaths + other.deaths >= KILLS, one.deaths + other.deaths)
    check("every import succeeds all the same", {job["state"] for job in ended} == {"JOB_STATE_SUCCEEDED"}, ended)
    check("and says what it inserted", all(result(job) == {"inserted": CONTACTS, "skipped": 0} for job in ended), ended)
    rows = contacts(folder / "shards", "account-*")
    check("every row is there once", rows == IMPORTS * CONTACTS, rows)
    check("killed within the handler, the task comes again", result(dead).get("tries") == 2, dead)


def main(edge: str, sqs: str, *_more: str) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-boto3-") as folder:
        partner, jobs = Partner(edge), Queue(sqs, "postern-jobs")
        try:
            ordinary(partner, jobs, Path(folder), sqs)
            killed(partner, jobs, Path(folder), sqs)
        finally:
            if failed() or sys.exc_info()[0]:
                print(Path(folder, "worker.log").read_text(errors="replace")[-20_000:])
    return 1 if failed() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
