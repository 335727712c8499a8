"""A client, queues of a test's own, and the few phrases in which the tests are written."""

import concurrent.futures
import hashlib
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cases import Cases

PATIENCE_SECONDS = 15
# How long a long poll waits that something is to wake, and when it must have done so: far below that.
POLL_SECONDS = 10
SOON_SECONDS = 5
# Before most of the codes that the service model names.
PREFIX = "AWS.SimpleQueueService."
NO_QUEUE = PREFIX + "NonExistentQueue"
MEBIBYTE = 1_048_576


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def md5_of_attributes(attributes):
    digest = hashlib.md5()

    def update(part):
        digest.update(len(part).to_bytes(4, "big") + part)

    for name in sorted(attributes):
        kind = attributes[name]["DataType"]
        update(name.encode())
        update(kind.encode())
        if kind.startswith("Binary"):
            digest.update(b"\x02")
            update(attributes[name]["BinaryValue"])
        else:
            digest.update(b"\x01")
            update(attributes[name]["StringValue"].encode())
    return digest.hexdigest()


def string(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


class Behaviour(Cases):
    """What all tests here are. Every queue is dropped when its test has ended."""

    endpoint = None

    @classmethod
    def setUpClass(cls):
        cls.sqs = boto3.client(
            "sqs",
            endpoint_url=cls.endpoint,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, max_pool_connections=20, read_timeout=40),
        )

    def members(self, operation):
        """What a call of this client may have."""
        return self.sqs.meta.service_model.operation_model(operation).input_shape.members

    def queue(self, **attributes):
        created = self.sqs.create_queue(QueueName=f"suite-{uuid.uuid4()}", Attributes=attributes)
        self.addCleanup(self.drop, created["QueueUrl"])
        return created["QueueUrl"]

    def drop(self, queue):
        try:
            self.sqs.delete_queue(QueueUrl=queue)
        except self.sqs.exceptions.QueueDoesNotExist:
            pass

    def send(self, queue, body="x", **parameters):
        return self.sqs.send_message(QueueUrl=queue, MessageBody=body, **parameters)

    def receive(self, queue, wait_seconds=0, **parameters):
        parameters = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], **parameters}
        received = self.sqs.receive_message(
            QueueUrl=queue, WaitTimeSeconds=wait_seconds, MessageAttributeNames=["All"], **parameters
        )
        return received.get("Messages", [])

    def receive_all(self, queue, count):
        deadline, messages = time.monotonic() + PATIENCE_SECONDS, []
        while len(messages) < count:
            self.assertLess(time.monotonic(), deadline, f"{len(messages)} of {count} messages came")
            messages += self.receive(queue, 1)
        self.assertEqual(len(messages), count)
        return messages

    def receive_one(self, queue):
        return self.receive_all(queue, 1)[0]

    def glimpse(self, queue):
        """Receives one message, and shows it at once again."""
        (message,) = self.receive(queue, MaxNumberOfMessages=1, VisibilityTimeout=0)
        return message

    def delete(self, queue, message):
        self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def hide(self, queue, handle, seconds):
        self.sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=seconds)

    def attributes(self, queue, *names):
        names = list(names) or ["All"]
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names).get("Attributes", {})

    def refused(self, code, call, **parameters):
        """The failure says what came instead: `done`, or the other code."""
        try:
            call(**parameters)
        except ClientError as refused:
            error, status = refused.response["Error"], refused.response["ResponseMetadata"]["HTTPStatusCode"]
            self.assertEqual(error["Code"], code, f"{error['Code']} instead of {code}")
            self.assertTrue(400 <= status < 500, status)
            self.assertTrue(error["Message"])
        else:
            self.fail(f"done instead of {code}")

    def while_polling(self, queue, then):
        """What a long poll brings, which must be soon, when something happens during it."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            started_at = time.monotonic()
            poll = pool.submit(self.receive, queue, POLL_SECONDS)
            for _ in range(10):
                self.attributes(queue, "QueueArn")
            then()
            messages = poll.result()
        self.assertLess(time.monotonic() - started_at, SOON_SECONDS, "nothing woke it")
        return messages
