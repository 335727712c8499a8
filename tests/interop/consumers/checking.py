"""What the checks of consumers share: their lines, jobs as they are read, queues seen from outside. Wants boto3."""

import sqlite3
import time
from pathlib import Path

import boto3

POLL_SECONDS = 0.1

failures = 0


def check(name: str, holds: bool, seen: object = "") -> None:
    global failures
    failures += not holds
    print(f"ok {name}" if holds else f"FAIL {name}: {str(seen)[:300]}", flush=True)


def result(job: dict) -> dict:
    return job.get("result") or {}


def reason(job: dict) -> str | None:
    """Why it failed, for programs."""
    reasons = [detail["reason"] for detail in (job.get("error") or {}).get("details", []) if "reason" in detail]
    return reasons[0] if reasons else None


def contacts(shards: Path, accounts: str) -> int:
    """How many contacts these accounts have, in one database each."""
    count = 0
    for shard in shards.glob(f"{accounts}.sqlite"):
        with sqlite3.connect(shard, timeout=30) as database:
            count += database.execute("SELECT count(*) FROM contacts").fetchall()[0][0]
    return count


def tries(database: Path, job: str) -> int:
    """How often the handler of a rehearsal was called."""
    with sqlite3.connect(database, timeout=30) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS tries (name TEXT PRIMARY KEY, count INTEGER NOT NULL)")
        counts = connection.execute("SELECT count FROM tries WHERE name = ?", (job,)).fetchall()
    return sum(count for (count,) in counts)


class Queue:
    def __init__(self, sqs: str, name: str):
        self.client = boto3.client(
            "sqs",
            endpoint_url=f"http://{sqs}",
            # The server's, for an endpoint on this machine: some keep the queues of each region apart.
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        self.url = self.client.get_queue_url(QueueName=name)["QueueUrl"]

    def depth(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        attributes = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in attributes.values())

    def hide_for(self, seconds: int) -> None:
        """How long a message stays with who received it, where that one does not say."""
        self.client.set_queue_attributes(QueueUrl=self.url, Attributes={"VisibilityTimeout": str(seconds)})

    def empties(self, seconds_max: float) -> bool:
        """Whether nothing is left before the time is up."""
        deadline = time.monotonic() + seconds_max
        while self.depth() > 0:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def first(self) -> dict:
        """The next message, which stays where it is."""
        reply = self.client.receive_message(
            QueueUrl=self.url, MessageAttributeNames=["All"], WaitTimeSeconds=20, VisibilityTimeout=0
        )
        return reply["Messages"][0]

    def send(self, body: str, **attributes: str) -> None:
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.client.send_message(QueueUrl=self.url, MessageBody=body, MessageAttributes=typed)


def failed() -> bool:
    """Whether a check has failed."""
    return failures > 0
