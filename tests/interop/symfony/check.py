"""Checks the Symfony consumer against a stack without one: every job reaches its end, and every row is there once.

    python check.py EDGE_ADDRESS SQS_ADDRESS POSTERN_BINARY CATALOG

Wants boto3, and a stack without a consumer on a catalog that has the project's job types and those of ../consumers/catalog:
`POSTERN_CATALOG=CATALOG postern dev --no-worker`.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "consumers"))
from application import Application  # noqa: E402
from checking import Queue, check, contacts, failed, reason, result  # noqa: E402
from partner import Partner  # noqa: E402

END_SECONDS_MAX = 60
KILLS = 4
IMPORTS = 24
CONTACTS = 400
TEXT = "größer " * 78_000 + "\ufffe\u0001/"  # 700 KB, and more than SQS takes where it is escaped
FIGURES = [0, -1, 0.1, 9007199254740991, -9007199254740991, 1e-7, 123456789.125, "9223372036854775807", {"a": [None]}]
TRIES_MAX = 3
POISON = ["Syntax error", "$jobType", "$payload", '"SplObjectStorage" is no', '"" is no', 'Misnamed" is no']


def contract(application: Application, postern: str, catalog: str) -> None:
    for job_type in sorted(file.stem for file in Path(catalog).glob("*.yaml") if file.stem != "misnamed"):
        decodes, said = application.decodes(postern, catalog, job_type)
        check(f"the catalog's {job_type} decodes, and survives a retry", decodes, said)
    decodes, said = application.decodes(postern, catalog, "misnamed")
    check("a job type whose class is not there is found out", not decodes and "Misnamed" in said, said)


def cancellation(application: Application, partner: Partner, jobs: Queue) -> None:
    unwanted = partner.submit("rehearse", {})
    jobs.first()
    partner.cancel(unwanted)
    with application.worker(**application.with_work_service) as worker:
        job = partner.ended(unwanted, END_SECONDS_MAX)
        check("a job that was cancelled before it began is CANCELLED", job["state"] == "JOB_STATE_CANCELLED", job)
        check("and its handler was never called", application.tries(unwanted) == 0)

        dawdling = partner.submit("rehearse", {"beatsMax": 200})
        partner.running(dawdling, END_SECONDS_MAX)
        partner.cancel(dawdling)
        job = partner.ended(dawdling, END_SECONDS_MAX)
        check("a job that is cancelled while it runs is CANCELLED", job["state"] == "JOB_STATE_CANCELLED", job)
        job = partner.ended(partner.submit("rehearse", {"failures": 1}), END_SECONDS_MAX)
        check("a retry asks the work service, too", result(job).get("tries") == 2, job)
        # By now, what had been told of the first one would be known.
        history = partner.history(unwanted)
        check("of what was dropped nothing was told", "cancelled" in history and "late_outcome" not in history, history)
        check("one worker did it", worker.deaths == 0, worker.deaths)


def ordinary(application: Application, partner: Partner, jobs: Queue) -> None:
    twice = partner.import_contacts("twice", 700)
    message = jobs.first()
    jobs.send(message["Body"], **{name: value["StringValue"] for name, value in message["MessageAttributes"].items()})
    poison = {
        "no JSON": "O:36:\"Symfony\\Component\\Messenger\\Envelope\":0:{}",
        "no task": '{"jobId": "job_1"}',
        "an incomplete one": json.dumps({"outcomeToken": "forged"}),
    }
    for body in poison.values():
        jobs.send(body, type="App\\Message\\ImportContacts")
    jobs.send("{}", type="SplObjectStorage")
    jobs.send("{}")

    late = partner.submit("rehearse", {}, queue_timeout="0.1s")
    partner.submit("misnamed", {})
    unusable = partner.submit("rehearse", {"unusable": True})
    unknown = partner.import_contacts("unknown", 1)
    flaky = partner.submit("rehearse", {"failures": TRIES_MAX - 1})
    hopeless = partner.submit("rehearse", {"failures": TRIES_MAX + 1})
    refused = partner.submit("rehearse", {"refused": "/figures/0"})
    figures = partner.submit("rehearse", {"figures": FIGURES, "failures": 1})
    text = partner.submit("rehearse", {"text": TEXT, "failures": 1})
    # Where the work service does not answer, the queue does.
    with application.worker(**application.with_work_service | {"POSTERN_WORK_URL": "http://127.0.0.1:1"}) as worker:
        job = partner.ended(twice, END_SECONDS_MAX)
        check("a job is executed", job["state"] == "JOB_STATE_SUCCEEDED", job)
        check("what its handler returned is its result", result(job) == {"inserted": 700, "skipped": 0}, job)
        check("its progress was seen", job.get("progress", {}).get("completed") == 700, job)
        job = partner.ended(unknown, END_SECONDS_MAX)
        check("a failure has its reason", reason(job) == "ACCOUNT_UNKNOWN", job)
        job = partner.ended(refused, END_SECONDS_MAX)
        check("a failure names the fields", "'/payload/figures/0'" in str(job.get("error")), job)
        check("what cannot be mended is not tried again", application.tries(refused) == 1)
        job = partner.ended(flaky, END_SECONDS_MAX)
        check("Messenger's retries end well", job["state"] == "JOB_STATE_SUCCEEDED", job)
        check("and its partner saw nothing of them", job["revision"] == 3, job)
        job = partner.ended(hopeless, END_SECONDS_MAX)
        check("a job fails with the last try", (job["state"], application.tries(hopeless)) == ("JOB_STATE_FAILED", TRIES_MAX), job)
        check("and says nothing internal", reason(job) == "TASK_FAILED" and "swordfish" not in str(job), job)
        job = partner.ended(figures, END_SECONDS_MAX)
        check("numbers arrive as they were sent, through a retry", result(job).get("figures") == FIGURES, job)
        job = partner.ended(text, END_SECONDS_MAX)
        digest = hashlib.sha256(TEXT.encode()).hexdigest()
        check("700 KB arrive as they were sent, through a retry", result(job).get("textSha256") == digest, job)
        job = partner.ended(unusable, END_SECONDS_MAX)
        check("a result that cannot be told fails the job", reason(job) == "RESULT_UNUSABLE", job)
        job = partner.ended(late, END_SECONDS_MAX)
        check("what came too late is not started", job["state"] != "JOB_STATE_SUCCEEDED" and application.tries(late) == 0, job)
        check("no poison ends the worker", worker.deaths == 0, worker.deaths)


def killed(application: Application, partner: Partner, jobs: Queue) -> None:
    at_the_worst_moment = partner.import_contacts("killed", 100, kill="yes")
    deadly = partner.submit("rehearse", {"deaths": 1})
    imports = [partner.import_contacts(f"account-{index % 3}", CONTACTS) for index in range(IMPORTS)]
    with application.worker() as one, application.worker(**application.with_work_service) as other:
        for index in range(KILLS):
            partner.running(imports[index * 5], END_SECONDS_MAX)
            (one, other)[index % 2].kill()
        ended = [partner.ended(job, END_SECONDS_MAX) for job in imports]
        worst = partner.ended(at_the_worst_moment, END_SECONDS_MAX)
        dead = partner.ended(deadly, END_SECONDS_MAX)
        check("nothing is left in the queue, poison neither", jobs.empties(END_SECONDS_MAX))
        check("workers were killed", one.deaths + other.deaths >= KILLS, one.deaths + other.deaths)
    log = (application.folder / "worker.log").read_text(errors="replace")
    left = {why: log.count(why) for why in POISON}
    check("poison came again and again", min(left.values()) > 1, left)
    check("every import succeeds all the same", {job["state"] for job in ended} == {"JOB_STATE_SUCCEEDED"}, ended)
    check("and says what it inserted", all(result(job) == {"inserted": CONTACTS, "skipped": 0} for job in ended), ended)
    rows = contacts(application.shards, "account-*")
    check("every row is there once", rows == IMPORTS * CONTACTS, rows)
    check("killed between commit and outcome, it says the same again", result(worst) == {"inserted": 100, "skipped": 0}, worst)
    check("killed within the handler, the task comes again", result(dead).get("tries") == 2, dead)


def main(edge: str, sqs: str, postern: str, catalog: str) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-symfony-") as folder:
        application = Application(Path(folder), edge, sqs)
        starts, said = application.starts()
        check("the application starts", starts, said)
        if not starts:
            return 1
        partner, jobs = Partner(edge), Queue(sqs, "postern-jobs")
        try:
            contract(application, postern, str(Path(catalog).resolve()))
            cancellation(application, partner, jobs)
            ordinary(application, partner, jobs)
            killed(application, partner, jobs)
        finally:
            if failed() or sys.exc_info()[0]:
                print(application.folder.joinpath("worker.log").read_text(errors="replace")[-20_000:])
    return 1 if failed() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
