"""Executes Postern's tasks, with boto3 alone. Copy this file; beside it, `run({"text.count": count})` is a consumer."""

import itertools
import json
import logging
import os
import signal
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import boto3

JOBS_QUEUE = os.environ.get("POSTERN_JOBS_QUEUE", "postern-jobs")
RESULTS_QUEUE = os.environ.get("POSTERN_RESULTS_QUEUE", "postern-results")
RESULT_BYTES_MAX = 256 * 1024
VISIBILITY_SECONDS = int(os.environ.get("POSTERN_VISIBILITY_SECONDS", "60"))


class Failed(Exception):
    """Ends the job as FAILED, in words that its partner reads. Any other exception is told to nobody, and the job tried again."""

    def __init__(self, reason: str, message: str, code: str = "FAILED_PRECONDITION", retryable: bool = False):
        super().__init__(message)
        self.outcome = {"error": {"code": code, "reason": reason, "message": message}, "retryable": retryable}


def run(handlers: dict) -> None:
    """Executes tasks one by one, until SIGTERM or Ctrl-C; then it finishes the one in hand. To do several at once, start it more often."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sqs = boto3.client("sqs")
    jobs, results = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in (JOBS_QUEUE, RESULTS_QUEUE))
    asked = {"WaitTimeSeconds": 5, "VisibilityTimeout": VISIBILITY_SECONDS, "MessageSystemAttributeNames": ["All"]}
    while not stop.is_set():
        for message in sqs.receive_message(QueueUrl=jobs, **asked).get("Messages", []):
            try:
                execute(sqs, jobs, results, message, handlers)
            except Exception:
                # Poison, or a queue that is away: it comes again, and what never goes well ends in the dead-letter queue.
                logging.exception("message %s comes again", message["MessageId"])


def execute(sqs, jobs: str, results: str, message: dict, handlers: dict) -> None:
    """A handler takes the task and a function that tells progress, and gives the result: the same for the same `jobId`, which may come twice."""
    task, seq = json.loads(message["Body"]), itertools.count()
    # A task that nobody here knows stays in the queue: another consumer may.
    handler = handlers[task["jobType"]]
    said = {"outcomeToken": task["outcomeToken"], "attempt": int(message["Attributes"]["ApproximateReceiveCount"])}

    def tell(event: str, **more: object) -> None:
        sqs.send_message(QueueUrl=results, MessageBody=json.dumps(said | {"seq": next(seq), "event": event} | more))

    with kept(sqs, jobs, message["ReceiptHandle"]):
        tell(**outcome(task, handler, tell))
    # Only now: a task that nobody was told of comes again.
    sqs.delete_message(QueueUrl=jobs, ReceiptHandle=message["ReceiptHandle"])


def outcome(task: dict, handler, tell) -> dict:
    def progress(completed: int, total: int, message: str = "") -> None:
        tell("PROGRESS", progress={"completed": completed, "total": total, "message": message})

    try:
        if datetime.fromisoformat(task["deadline"]) < datetime.now(UTC):
            raise Failed("DEADLINE_PASSED", "the deadline had passed before it could begin", "DEADLINE_EXCEEDED")
        tell("STARTED")
        result = handler(task, progress)
        if len(json.dumps(result, allow_nan=False)) > RESULT_BYTES_MAX:
            raise ValueError("the result is too large to be told")
        return {"event": "SUCCEEDED", "result": result}
    except Failed as failed:
        return {"event": "FAILED", **failed.outcome}
    except Exception:
        logging.exception("job %s failed", task["jobId"])
        return {"event": "FAILED", "retryable": True}


@contextmanager
def kept(sqs, jobs: str, receipt: str):
    """Nobody else gets the task meanwhile, unless this process dies."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(VISIBILITY_SECONDS / 3):
            try:
                sqs.change_message_visibility(QueueUrl=jobs, ReceiptHandle=receipt, VisibilityTimeout=VISIBILITY_SECONDS)
            except Exception:
                logging.exception("a task may be executed twice at once")

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
