"""Checks the Symfony consumer against a stack without one: every job reaches its end, and every row is there once.

    python check.py EDGE_ADDRESS SQS_ADDRESS POSTERN_BINARY CATALOG

Wants boto3, and a stack without a consumer on a catalog that has the project's job types and those of ../consumers/catalog:
`POSTERN_CATALOG=CATALOG postern dev --no-worker`.
"""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "consumers"))
from checking import Queue, check, failed, reason, result  # noqa: E402
from partner import Partner  # noqa: E402
from supervised import Supervised  # noqa: E402

END_SECONDS_MAX = 60
VISIBILITY_SECONDS = 3
KILLS = 4
IMPORTS = 24
CONTACTS = 400
TEXT = "größer " * 78_000 + "\ufffe\u0001/"  # 700 KB, and more than SQS takes where it is escaped
FIGURES = [0, -1, 0.1, 9007199254740991, -9007199254740991, 1e-7, 123456789.125, "9223372036854775807", {"a": [None]}]
TRIES_MAX = 3


class Application:
    """The Symfony application: its console, its worker, its database."""

    def __init__(self, folder: Path, edge: str, sqs: str):
        self.folder = folder
        self.database = folder / "contacts.sqlite"
        dsn = f"sqs://key:secret@{sqs}/%s?sslmode=disable&region=eu-west-1"
        # PHP shows its warnings here, or they would be lost.
        self.console = ["php", "-d", "display_errors=stderr", str(HERE / "bin" / "console")]
        self.environment = os.environ | {
            "APP_ENV": "rehearsal",
            "APP_CACHE_DIR": str(folder / "cache"),
            "CONTACTS_DATABASE": str(self.database),
            "POSTERN_JOBS_DSN": dsn % "postern-jobs",
            "POSTERN_RESULTS_DSN": dsn % "postern-results",
            "POSTERN_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
        }
        self.with_work_service = {
            "POSTERN_WORK_URL": f"http://{edge}",
            "POSTERN_WORK_TOKEN_URL": f"http://{edge}/oauth2/token",
            "POSTERN_WORK_CLIENT_ID": "worker",
            "POSTERN_WORK_CLIENT_SECRET": "worker-secret",
        }

    def worker(self, **environment: str) -> Supervised:
        command = [*self.console, "messenger:consume", "postern_jobs", "--no-interaction"]
        return Supervised(command, self.environment | environment, self.folder / "worker.log")

    def starts(self) -> tuple[bool, str]:
        done = subprocess.run([*self.console, "debug:messenger"], env=self.environment, capture_output=True, text=True)
        return done.returncode == 0 and "ImportContactsHandler" in done.stdout, done.stdout + done.stderr

    def decodes(self, postern: str, catalog: str, job_type: str) -> tuple[bool, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        tasks = subprocess.run(
            [postern, "catalog", "example", job_type],
            env=environment | {"POSTERN_CATALOG": catalog},
            cwd=self.folder,
            capture_output=True,
            check=True,
        ).stdout
        command = [*self.console, "postern:decode"]
        done = subprocess.run(command, env=self.environment, input=tasks, capture_output=True)
        return done.returncode == 0, (done.stdout + done.stderr).decode()

    def rows(self, query: str, *parameters: object) -> list[tuple]:
        with sqlite3.connect(self.database, timeout=30) as database:
            return database.execute(query, parameters).fetchall()

    def tries(self, job: str) -> int:
        return sum(count for (count,) in self.rows("SELECT count FROM tries WHERE name = ?", job))


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
        check("and its handler was never called", application.rows("SELECT 1 FROM sqlite_master WHERE name = 'tries'") == [])

        dawdling = partner.submit("rehearse", {"beatsMax": 200})
        partner.running(dawdling, END_SECONDS_MAX)
        partner.cancel(dawdling)
        job = partner.ended(dawdling, END_SECONDS_MAX)
        check("a job that is cancelled while it runs is CANCELLED", job["state"] == "JOB_STATE_CANCELLED", job)
        job = partner.ended(partner.submit("rehearse", {"failures": 1}), END_SECONDS_MAX)
        check("a retry asks the work service, too", result(job).get("tries") == 2, job)
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
    jobs.send("{}", type="DateTimeImmutable")
    jobs.send("{}")

    late = partner.submit("rehearse", {}, queue_timeout="0.1s")
    misnamed = partner.submit("misnamed", {})
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
        job = partner.ended(misnamed, END_SECONDS_MAX)
        check("a task that nobody can read fails", reason(job) == "TASK_UNREADABLE", job)
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
        check("nothing is left in the queue", jobs.empties(END_SECONDS_MAX))
        check("workers were killed", one.deaths + other.deaths >= KILLS, one.deaths + other.deaths)
    check("every import succeeds all the same", {job["state"] for job in ended} == {"JOB_STATE_SUCCEEDED"}, ended)
    check("and says what it inserted", all(result(job) == {"inserted": CONTACTS, "skipped": 0} for job in ended), ended)
    rows = application.rows("SELECT count(*) FROM contacts WHERE account LIKE 'account-%'")
    check("every row is there once", rows == [(IMPORTS * CONTACTS,)], rows)
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
            dead = [Queue(sqs, name).depth() for name in ("postern-jobs-dlq", "postern-results-dlq")]
            check("no message was given up", dead == [0, 0], dead)
        finally:
            if failed() or sys.exc_info()[0]:
                print(application.folder.joinpath("worker.log").read_text(errors="replace")[-20_000:])
    return 1 if failed() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
