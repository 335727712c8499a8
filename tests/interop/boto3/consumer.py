"""Executes Postern's tasks, with boto3 alone. Copy this file; beside it, `run({"text.count": count})` is a consumer."""

import itertools
import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import boto3

JOBS_QUEUE = os.environ.get("POSTERN_JOBS_QUEUE", "postern-jobs")
RESULTS_QUEUE = os.environ.get("POSTERN_RESULTS_QUEUE", "postern-results")
RESULT_BYTES_MAX = 256 * 1024
VISIBILITY_SECONDS = int(os.environ.get("POSTERN_VISIBILITY_SECONDS", "60"))

# Takes a task and a function that reports progress; gives the result. A task may come twice: the same `jobId`, the same effect.
Handler = Callable[[dict, Callable[[int, int, str], None]], dict]


class Failed(Exception):
    """Ends the job as FAILED, in words that its partner reads. Any other exception is told to nobody, and the job tried again."""

    def __init__(self, reason: str, message: str, code: str = "FAILED_PRECONDITION", retryable: bool = False):
        super().__init__(message)
        self.outcome = {"error": {"code": code, "reason": reason, "message": message}, "retryable": retryable}


class Delivery:
    """A task in hand: nobody else gets it until it is deleted, or this process dies."""

    def __init__(self, sqs, jobs: str, results: str, message: dict):
        self.sqs, self.jobs, self.results, self.receipt = sqs, jobs, results, message["ReceiptHandle"]
        self.task = json.loads(message["Body"])
        self.attempt = int(message["Attributes"]["ApproximateReceiveCount"])
        self.seq = itertools.count()
        self.over = threading.Event()

    def execute(self, handlers: dict[str, Handler]) -> None:
        # A task that nobody here knows stays in the queue: another consumer may.
        handler = handlers[self.task["jobType"]]
        keeper = threading.Thread(target=self.keep, daemon=True)
        keeper.start()
        try:
            self.tell(**self.outcome(handler))
        finally:
            self.over.set()
            keeper.join()
        # Only now: a task that nobody was told of comes again.
        self.sqs.delete_message(QueueUrl=self.jobs, ReceiptHandle=self.receipt)

    def outcome(self, handler: Handler) -> dict:
        try:
            if datetime.fromisoformat(self.task["deadline"]) < datetime.now(UTC):
                raise Failed("DEADLINE_PASSED", "the deadline had passed before it could begin", "DEADLINE_EXCEEDED")
            self.tell("STARTED")
            result = handler(self.task, self.progress)
            if len(json.dumps(result, allow_nan=False)) > RESULT_BYTES_MAX:
                raise ValueError("the result is too large to be told")
            return {"event": "SUCCEEDED", "result": result}
        except Failed as failed:
            return {"event": "FAILED", **failed.outcome}
        except Exception:
            logging.exception("job %s failed", self.task["jobId"])
            return {"event": "FAILED", "retryable": True}

    def progress(self, completed: int, total: int, message: str = "") -> None:
        self.tell("PROGRESS", progress={"completed": completed, "total": total, "message": message})

    def tell(self, event: str, **more: object) -> None:
        position = {"outcomeToken": self.task["outcomeToken"], "attempt": self.attempt, "seq": next(self.seq)}
        self.sqs.send_message(QueueUrl=self.results, MessageBody=json.dumps(position | {"event": event} | more))

    def keep(self) -> None:
        while not self.over.wait(VISIBILITY_SECONDS / 3):
            try:
                self.sqs.change_message_visibility(
                    QueueUrl=self.jobs, ReceiptHandle=self.receipt, VisibilityTimeout=VISIBILITY_SECONDS
                )
            except Exception:
                logging.exception("job %s may be executed twice at once", self.task["jobId"])


def run(handlers: dict[str, Handler]) -> None:
    """Executes tasks one by one, until SIGTERM or Ctrl-C; then it finishes the one in hand. To do several at once, start it more often."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sqs = boto3.client("sqs")
    jobs, results = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in (JOBS_QUEUE, RESULTS_QUEUE))
    while not stop.is_set():
        received = sqs.receive_message(
            QueueUrl=jobs, WaitTimeSeconds=5, VisibilityTimeout=VISIBILITY_SECONDS, MessageSystemAttributeNames=["All"]
        )
        for message in received.get("Messages", []):
            try:
                Delivery(sqs, jobs, results, message).execute(handlers)
            except Exception:
                # Poison, or a queue that is away: it comes again, and what never goes well ends in the dead-letter queue.
                logging.exception("message %s comes again", message["MessageId"])
