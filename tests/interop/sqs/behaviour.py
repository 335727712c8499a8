#!/usr/bin/env python3
"""What any SQS endpoint does, asked with boto3; the list of behaviours is that of localsqs/tests/behaviour.

    behaviour.py --endpoint http://127.0.0.1:9324 [unittest arguments]

Current versions of boto3 speak the JSON protocol, those before 1.28.82 the Query protocol: run it with both.
"""

import argparse
import concurrent.futures
import hashlib
import json
import sys
import time
import unittest
import uuid

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

PATIENCE_SECONDS = 15
# Far below the twenty seconds that the long polls here would wait.
SOON_SECONDS = 5
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


class Behaviour(unittest.TestCase):
    """A client, queues of the test's own, and the few phrases in which the tests are written."""

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
        with self.assertRaises(ClientError) as refused:
            call(**parameters)
        self.assertEqual(refused.exception.response["Error"]["Code"], code)
        self.assertTrue(400 <= refused.exception.response["ResponseMetadata"]["HTTPStatusCode"] < 500)
        self.assertTrue(refused.exception.response["Error"]["Message"])
        return refused.exception

    def while_polling(self, queue, then):
        """What a poll of twenty seconds brings, which must be soon, when something happens during it."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            started_at = time.monotonic()
            poll = pool.submit(self.receive, queue, 20)
            for _ in range(10):
                self.attributes(queue, "QueueArn")
            then()
            messages = poll.result()
        self.assertLess(time.monotonic() - started_at, SOON_SECONDS)
        return messages


class Queues(Behaviour):
    def test_a_queue_is_created_found_listed_and_deleted(self):
        url = self.queue()
        name = url.rsplit("/", 1)[1]
        self.assertTrue(url.startswith(self.endpoint + "/"), url)
        self.assertEqual(self.sqs.get_queue_url(QueueName=name)["QueueUrl"], url)
        self.assertEqual(self.sqs.list_queues(QueueNamePrefix=name)["QueueUrls"], [url])
        self.sqs.delete_queue(QueueUrl=url)
        self.refused(NO_QUEUE, self.sqs.get_queue_url, QueueName=name)
        self.assertEqual(self.sqs.list_queues(QueueNamePrefix=name).get("QueueUrls", []), [])

    def test_the_exception_has_the_class_that_callers_catch(self):
        with self.assertRaises(self.sqs.exceptions.QueueDoesNotExist):
            self.sqs.get_queue_url(QueueName="absent")

    def test_creating_a_queue_again_answers_its_url_unless_an_attribute_differs(self):
        url = self.queue(VisibilityTimeout="7")
        name = url.rsplit("/", 1)[1]
        same = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})
        self.assertEqual(same["QueueUrl"], url)
        self.assertEqual(self.sqs.create_queue(QueueName=name)["QueueUrl"], url)
        other = {"VisibilityTimeout": "8"}
        self.refused("QueueAlreadyExists", self.sqs.create_queue, QueueName=name, Attributes=other)

    def test_names_that_cannot_be_are_refused(self):
        for name in ("a b", "é", "a" * 81):
            with self.subTest(name=name):
                self.refused("InvalidParameterValue", self.sqs.create_queue, QueueName=name)

    def test_a_queue_that_does_not_exist_is_refused_by_every_action(self):
        url = f"{self.endpoint}/000000000000/suite-{uuid.uuid4()}"
        self.refused(NO_QUEUE, self.sqs.send_message, QueueUrl=url, MessageBody="x")
        self.refused(NO_QUEUE, self.sqs.receive_message, QueueUrl=url)
        self.refused(NO_QUEUE, self.sqs.receive_message, QueueUrl=url, WaitTimeSeconds=5)
        self.refused(NO_QUEUE, self.sqs.get_queue_attributes, QueueUrl=url)
        self.refused(NO_QUEUE, self.sqs.purge_queue, QueueUrl=url)
        self.refused(NO_QUEUE, self.sqs.set_queue_attributes, QueueUrl=url, Attributes={"DelaySeconds": "1"})

    def test_attributes_have_their_documented_defaults_and_can_be_changed(self):
        queue = self.queue(DelaySeconds="2")
        expected = {
            "VisibilityTimeout": "30",
            "DelaySeconds": "2",
            "MaximumMessageSize": str(MEBIBYTE),
            "MessageRetentionPeriod": "345600",
            "ReceiveMessageWaitTimeSeconds": "0",
        }
        self.assertEqual(self.attributes(queue), {**self.attributes(queue), **expected})
        changed = {"VisibilityTimeout": "77", "MaximumMessageSize": "2048"}
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes=changed)
        self.assertEqual(self.attributes(queue), {**self.attributes(queue), **expected, **changed})
        self.assertEqual(self.attributes(queue, "VisibilityTimeout"), {"VisibilityTimeout": "77"})

    def test_attributes_name_the_queue_and_its_times_and_come_only_when_asked_for(self):
        queue = self.queue()
        attributes = self.attributes(queue)
        self.assertRegex(attributes["QueueArn"], "^arn:aws:sqs:eu-west-1:[0-9]{12}:" + queue.rsplit("/", 1)[1] + "$")
        for name in ("CreatedTimestamp", "LastModifiedTimestamp"):
            self.assertGreater(int(attributes[name]), 1_700_000_000)
        self.assertNotIn("Attributes", self.sqs.get_queue_attributes(QueueUrl=queue))

    def test_attributes_out_of_range_or_unknown_are_refused(self):
        queue = self.queue()
        for name, value in (
            ("VisibilityTimeout", "43201"),
            ("DelaySeconds", "901"),
            ("MaximumMessageSize", "1023"),
            ("MaximumMessageSize", "1048577"),
            ("MessageRetentionPeriod", "59"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("VisibilityTimeout", "soon"),
        ):
            with self.subTest(name=name, value=value):
                change = {"QueueUrl": queue, "Attributes": {name: value}}
                self.refused("InvalidAttributeValue", self.sqs.set_queue_attributes, **change)
        change = {"QueueUrl": queue, "Attributes": {"Colour": "red"}}
        self.refused("InvalidAttributeName", self.sqs.set_queue_attributes, **change)
        ask = {"QueueUrl": queue, "AttributeNames": ["Colour"]}
        self.refused("InvalidAttributeName", self.sqs.get_queue_attributes, **ask)

    def test_lists_come_in_pages_that_miss_nothing(self):
        prefix = f"suite-{uuid.uuid4()}"
        created = set()
        for number in range(5):
            url = self.sqs.create_queue(QueueName=f"{prefix}-{number}")["QueueUrl"]
            self.addCleanup(self.drop, url)
            created.add(url)
        pages = self.sqs.get_paginator("list_queues").paginate(
            QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2}
        )
        pages = [page.get("QueueUrls", []) for page in pages]
        self.assertTrue(all(len(page) <= 2 for page in pages), pages)
        self.assertEqual({url for page in pages for url in page}, created)

    def test_a_purge_removes_everything_and_is_allowed_once_a_minute(self):
        queue = self.queue()
        for body in "abc":
            self.send(queue, body)
        self.glimpse(queue)
        self.sqs.purge_queue(QueueUrl=queue)
        self.assertEqual(self.receive(queue), [])
        self.refused(PREFIX + "PurgeQueueInProgress", self.sqs.purge_queue, QueueUrl=queue)

    def test_counts_tell_visible_from_in_flight_from_delayed(self):
        queue = self.queue()
        for body in "abc":
            self.send(queue, body)
        self.send(queue, "d", DelaySeconds=900)
        in_flight = len(self.receive(queue, MaxNumberOfMessages=2))
        self.assertIn(in_flight, (1, 2))
        attributes = self.attributes(queue)
        self.assertEqual(attributes["ApproximateNumberOfMessages"], str(3 - in_flight))
        self.assertEqual(attributes["ApproximateNumberOfMessagesNotVisible"], str(in_flight))
        self.assertEqual(attributes["ApproximateNumberOfMessagesDelayed"], "1")


class Messages(Behaviour):
    BODY = "Grüße, 世界 \U0001f980\t<&>\"'\r\n"
    ATTRIBUTES = {
        "type": string("App\\Message\\ImportContacts"),
        "count": string("-1.50", "Number.int"),
        "raw": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff\x01"},
        "name": string("Zoë", "String.label"),
    }

    def test_a_message_arrives_as_it_was_sent_with_the_digests_sdks_compute(self):
        queue = self.queue()
        sent = self.send(queue, self.BODY, MessageAttributes=self.ATTRIBUTES)
        digest = md5_of_attributes(self.ATTRIBUTES)
        self.assertEqual(sent["MD5OfMessageBody"], md5(self.BODY))
        self.assertEqual(sent["MD5OfMessageAttributes"], digest)
        message = self.receive_one(queue)
        self.assertEqual(message["Body"], self.BODY)
        self.assertEqual(message["MessageId"], sent["MessageId"])
        self.assertEqual(message["MD5OfBody"], md5(self.BODY))
        self.assertEqual(message["MD5OfMessageAttributes"], digest)
        self.assertEqual(message["MessageAttributes"], self.ATTRIBUTES)

    def test_a_receiver_gets_the_attributes_it_asked_for_and_their_digest(self):
        queue = self.queue(VisibilityTimeout="0")
        attributes = {name: string(name) for name in ("type", "trace.id", "trace.flags")}
        self.send(queue, MessageAttributes=attributes)
        for wanted, names in (
            ([], []),
            (["type"], ["type"]),
            (["type", "absent"], ["type"]),
            (["trace.*"], ["trace.flags", "trace.id"]),
            (["All"], ["trace.flags", "trace.id", "type"]),
            ([".*"], ["trace.flags", "trace.id", "type"]),
        ):
            with self.subTest(wanted=wanted):
                received = self.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=wanted)
                (message,) = received["Messages"]
                self.assertEqual(sorted(message.get("MessageAttributes", {})), names)
                digest = md5_of_attributes({name: attributes[name] for name in names}) if names else None
                self.assertEqual(message.get("MD5OfMessageAttributes"), digest)

    def test_system_attributes_come_when_they_are_asked_for(self):
        queue = self.queue(VisibilityTimeout="0")
        trace = string("Root=1-5759e988-bd862e3fe1be46a994272793")
        sent = self.send(queue, MessageSystemAttributes={"AWSTraceHeader": trace}, MessageGroupId="partner-7")
        self.assertEqual(sent["MD5OfMessageSystemAttributes"], md5_of_attributes({"AWSTraceHeader": trace}))
        (bare,) = self.sqs.receive_message(QueueUrl=queue)["Messages"]
        self.assertNotIn("Attributes", bare)
        (some,) = self.sqs.receive_message(QueueUrl=queue, AttributeNames=["SentTimestamp"])["Messages"]
        self.assertEqual(list(some["Attributes"]), ["SentTimestamp"])
        attributes = self.receive_one(queue)["Attributes"]
        self.assertEqual(attributes["ApproximateReceiveCount"], "3")
        self.assertEqual(attributes["MessageGroupId"], "partner-7")
        self.assertEqual(attributes["AWSTraceHeader"], trace["StringValue"])
        self.assertTrue(attributes["SenderId"])
        sent_at, first = int(attributes["SentTimestamp"]), int(attributes["ApproximateFirstReceiveTimestamp"])
        self.assertTrue(1_700_000_000_000 < sent_at <= first < sent_at + 60_000, attributes)

    def test_a_message_may_have_a_mebibyte_and_not_a_byte_more(self):
        queue = self.queue()
        most = "é" * (MEBIBYTE // 2)
        self.send(queue, most)
        self.assertEqual(self.receive_one(queue)["Body"], most)
        self.refused("InvalidParameterValue", self.send, queue=queue, body=most + "x")

    def test_name_type_and_value_of_attributes_count_towards_the_size(self):
        queue = self.queue(MaximumMessageSize="1024")
        attributes = {"name": string("é")}
        rest = 1024 - len("name") - len("String") - len("é".encode())
        self.send(queue, "x" * rest, MessageAttributes=attributes)
        more = {"queue": queue, "body": "x" * (rest + 1), "MessageAttributes": attributes}
        self.refused("InvalidParameterValue", self.send, **more)

    def test_what_xml_cannot_carry_is_refused(self):
        queue = self.queue()
        for body in ("\x01", "x\x0by", "\ufffe", "\uffff"):
            with self.subTest(body=body):
                self.refused("InvalidMessageContents", self.send, queue=queue, body=body)
        self.refused("MissingParameter", self.send, queue=queue, body="")

    def test_attributes_that_cannot_be_are_refused(self):
        queue = self.queue()
        for name, attribute in (
            ("empty", string("")),
            ("number", string("one", "Number")),
            ("kind", string("x", "Text")),
            ("dots..twice", string("x")),
            ("AWS.mine", string("x")),
            ("binary", string("x", "Binary")),
        ):
            with self.subTest(name=name):
                attributes = {name: attribute}
                self.refused("InvalidParameterValue", self.send, queue=queue, MessageAttributes=attributes)
        eleven = {f"a{number}": string("x") for number in range(11)}
        self.refused("InvalidParameterValue", self.send, queue=queue, MessageAttributes=eleven)
        self.assertEqual(self.receive(queue), [])

    def test_parameters_out_of_range_are_refused(self):
        queue, code = self.queue(), "InvalidParameterValue"
        self.refused(code, self.send, queue=queue, DelaySeconds=901)
        self.refused(code, self.send, queue=queue, DelaySeconds=-1)
        self.refused(code, self.send, queue=queue, MessageGroupId="g" * 129)
        self.refused(code, self.receive, queue=queue, MaxNumberOfMessages=0)
        self.refused(code, self.receive, queue=queue, MaxNumberOfMessages=11)
        self.refused(code, self.receive, queue=queue, wait_seconds=21)
        self.refused(code, self.receive, queue=queue, VisibilityTimeout=43_201)

    def test_a_delayed_message_is_hidden_until_its_delay_is_over(self):
        queue, sent_at = self.queue(), time.monotonic()
        self.send(queue, DelaySeconds=1)
        self.assertEqual(self.receive(queue), [])
        self.receive_one(queue)
        self.assertGreaterEqual(time.monotonic() - sent_at, 0.9)

    def test_a_queues_delay_holds_for_messages_that_name_none(self):
        queue = self.queue(DelaySeconds="600")
        self.send(queue, "delayed")
        self.send(queue, "at once", DelaySeconds=0)
        self.assertEqual(self.receive_one(queue)["Body"], "at once")
        self.assertEqual(self.receive(queue), [])


class Visibility(Behaviour):
    def test_a_received_message_is_hidden_and_comes_back_when_nobody_deletes_it(self):
        queue = self.queue(VisibilityTimeout="1")
        sent = self.send(queue)
        first, received_at = self.receive_one(queue), time.monotonic()
        self.assertEqual(self.receive(queue), [])
        second = self.receive_one(queue)
        self.assertGreaterEqual(time.monotonic() - received_at, 0.8)
        self.assertEqual(second["MessageId"], sent["MessageId"])
        self.assertNotEqual(second["ReceiptHandle"], first["ReceiptHandle"])
        first, second = first["Attributes"], second["Attributes"]
        self.assertEqual((first["ApproximateReceiveCount"], second["ApproximateReceiveCount"]), ("1", "2"))
        name = "ApproximateFirstReceiveTimestamp"
        self.assertEqual(first[name], second[name])

    def test_a_deleted_message_does_not_come_back_and_may_be_deleted_twice(self):
        queue = self.queue(VisibilityTimeout="1")
        self.send(queue)
        message = self.receive_one(queue)
        self.delete(queue, message)
        self.delete(queue, message)
        self.assertEqual(self.receive(queue, 2), [])
        self.assertEqual(self.attributes(queue)["ApproximateNumberOfMessagesNotVisible"], "0")

    def test_a_handle_outlives_its_timeout_until_the_message_is_received_again(self):
        queue = self.queue()
        self.send(queue)
        self.delete(queue, self.glimpse(queue))
        self.assertEqual(self.receive(queue), [])

    def test_a_stale_handle_deletes_nothing_and_hides_nothing(self):
        queue = self.queue()
        self.send(queue)
        stale, fresh = self.glimpse(queue), self.receive_one(queue)
        self.delete(queue, stale)
        change = {"queue": queue, "handle": stale["ReceiptHandle"], "seconds": 0}
        self.refused("InvalidParameterValue", self.hide, **change)
        self.hide(queue, fresh["ReceiptHandle"], 0)
        self.assertEqual(self.receive_one(queue)["MessageId"], fresh["MessageId"])

    def test_a_visibility_of_zero_shows_a_message_at_once(self):
        queue = self.queue(VisibilityTimeout="600")
        self.send(queue)
        self.hide(queue, self.receive_one(queue)["ReceiptHandle"], 0)
        self.assertEqual(len(self.receive(queue)), 1)

    def test_a_longer_visibility_keeps_a_message_hidden(self):
        queue = self.queue(VisibilityTimeout="1")
        self.send(queue)
        self.hide(queue, self.receive_one(queue)["ReceiptHandle"], 600)
        self.assertEqual(self.receive(queue, 2), [])

    def test_a_visible_message_is_not_in_flight(self):
        queue = self.queue()
        self.send(queue)
        change = {"queue": queue, "handle": self.glimpse(queue)["ReceiptHandle"], "seconds": 5}
        self.refused(PREFIX + "MessageNotInflight", self.hide, **change)

    def test_handles_that_never_were_are_refused(self):
        queue = self.queue()
        handle = {"QueueUrl": queue, "ReceiptHandle": "nonsense"}
        self.refused("ReceiptHandleIsInvalid", self.sqs.delete_message, **handle)
        self.refused("ReceiptHandleIsInvalid", self.hide, queue=queue, handle="nonsense", seconds=0)

    def test_visibility_beyond_twelve_hours_is_refused(self):
        queue = self.queue()
        self.send(queue)
        change = {"queue": queue, "handle": self.receive_one(queue)["ReceiptHandle"], "seconds": 43_201}
        self.refused("InvalidParameterValue", self.hide, **change)


class Batches(Behaviour):
    def send_batch(self, queue, *entries):
        entries = [{"Id": entry[0], "MessageBody": entry[1], **dict(entry[2:])} for entry in entries]
        return self.sqs.send_message_batch(QueueUrl=queue, Entries=entries)

    def check(self, answer, successful, failed):
        self.assertEqual([entry["Id"] for entry in answer.get("Successful", [])], successful)
        found = [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer.get("Failed", [])]
        self.assertEqual(found, failed)

    def test_a_batch_of_ten_is_sent_received_and_deleted(self):
        queue, names = self.queue(), [f"m{number}" for number in range(10)]
        sent = self.send_batch(queue, *((name, name) for name in names))
        self.check(sent, names, [])
        self.assertEqual([entry["MD5OfMessageBody"] for entry in sent["Successful"]], [md5(name) for name in names])
        messages = self.receive_all(queue, 10)
        self.assertEqual(sorted(message["Body"] for message in messages), names)
        entries = [{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in messages]
        deleted = self.sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        self.check(deleted, [message["Body"] for message in messages], [])
        self.assertEqual(self.attributes(queue)["ApproximateNumberOfMessagesNotVisible"], "0")

    def test_entries_that_cannot_be_sent_fail_alone(self):
        queue = self.queue()
        late = ("late", "late", ("DelaySeconds", 901))
        sent = self.send_batch(queue, ("good", "good"), ("bad", "\x01"), late, ("fine", "fine"))
        failed = [("bad", "InvalidMessageContents", True), ("late", "InvalidParameterValue", True)]
        self.check(sent, ["good", "fine"], failed)
        self.assertEqual(sorted(message["Body"] for message in self.receive_all(queue, 2)), ["fine", "good"])

    def test_handles_that_are_no_good_fail_alone(self):
        queue, failed = self.queue(), [("bad", "ReceiptHandleIsInvalid", True)]
        self.send(queue)
        entries = [{"Id": "bad", "ReceiptHandle": "nonsense", "VisibilityTimeout": 0}]
        entries += [{"Id": "good", "ReceiptHandle": self.receive_one(queue)["ReceiptHandle"], "VisibilityTimeout": 0}]
        self.check(self.sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries), ["good"], failed)
        entries = [{"Id": "bad", "ReceiptHandle": "nonsense"}]
        entries += [{"Id": "good", "ReceiptHandle": self.receive_one(queue)["ReceiptHandle"]}]
        self.check(self.sqs.delete_message_batch(QueueUrl=queue, Entries=entries), ["good"], failed)
        self.assertEqual(self.attributes(queue)["ApproximateNumberOfMessagesNotVisible"], "0")

    def test_a_batch_whose_ids_cannot_be_answered_is_refused_as_a_whole(self):
        queue = self.queue()
        for ids, code in (
            ([], "EmptyBatchRequest"),
            (list("abcdefghijk"), "TooManyEntriesInBatchRequest"),
            (["a", "a"], "BatchEntryIdsNotDistinct"),
            (["a b"], "InvalidBatchEntryId"),
        ):
            with self.subTest(code=code):
                entries = [{"Id": id, "MessageBody": "x"} for id in ids]
                self.refused(PREFIX + code, self.sqs.send_message_batch, QueueUrl=queue, Entries=entries)
        self.assertEqual(self.receive(queue), [])

    def test_a_batch_may_have_a_mebibyte_in_all(self):
        queue, half = self.queue(), "x" * (MEBIBYTE // 2)
        self.check(self.send_batch(queue, ("a", half), ("b", half)), ["a", "b"], [])
        entries = [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}]
        call = self.sqs.send_message_batch
        self.refused(PREFIX + "BatchRequestTooLong", call, QueueUrl=queue, Entries=entries)


class LongPolls(Behaviour):
    def test_a_long_poll_without_messages_ends_after_its_wait(self):
        queue, started_at = self.queue(), time.monotonic()
        self.assertEqual(self.receive(queue, 1), [])
        self.assertTrue(0.9 <= time.monotonic() - started_at < SOON_SECONDS)

    def test_a_queues_wait_holds_for_receivers_that_name_none(self):
        queue, started_at = self.queue(ReceiveMessageWaitTimeSeconds="1"), time.monotonic()
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=queue))
        waited_at = time.monotonic()
        self.assertGreaterEqual(waited_at - started_at, 0.9)
        self.assertEqual(self.receive(queue), [])
        self.assertLess(time.monotonic() - waited_at, 0.9)

    def test_a_send_wakes_a_long_poll(self):
        queue = self.queue()
        (message,) = self.while_polling(queue, lambda: self.send(queue))
        self.assertEqual(message["Body"], "x")

    def test_every_waiting_receiver_gets_a_message_when_there_is_one_for_each(self):
        queue = self.queue()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            started_at = time.monotonic()
            polls = [pool.submit(self.receive, queue, 20, MaxNumberOfMessages=1) for _ in range(3)]
            for body in "abc":
                self.send(queue, body)
            bodies = [message["Body"] for poll in polls for message in poll.result()]
        self.assertEqual(sorted(bodies), ["a", "b", "c"])
        self.assertLess(time.monotonic() - started_at, SOON_SECONDS)

    def test_the_end_of_a_delay_wakes_a_long_poll(self):
        queue = self.queue()
        self.assertEqual(len(self.while_polling(queue, lambda: self.send(queue, DelaySeconds=1))), 1)

    def test_the_end_of_a_visibility_timeout_wakes_a_long_poll(self):
        queue = self.queue(VisibilityTimeout="1")
        self.send(queue)
        self.receive_one(queue)
        self.assertEqual(len(self.while_polling(queue, lambda: None)), 1)

    def test_giving_a_message_back_wakes_a_long_poll(self):
        queue = self.queue(VisibilityTimeout="600")
        self.send(queue)
        handle = self.receive_one(queue)["ReceiptHandle"]
        self.assertEqual(len(self.while_polling(queue, lambda: self.hide(queue, handle, 0))), 1)


class DeadLetters(Behaviour):
    def queues(self, receives_max):
        """A queue that shows its messages at once again, and its dead-letter queue."""
        dead = self.queue()
        target = self.attributes(dead)["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": receives_max})
        return self.queue(VisibilityTimeout="0", RedrivePolicy=policy), dead

    def test_a_message_received_too_often_goes_to_the_dead_letter_queue(self):
        queue, dead = self.queues(2)
        sent = self.send(queue, "poison")
        self.receive_one(queue)
        self.receive_one(queue)
        self.assertEqual(self.receive(queue), [])
        message = self.receive_one(dead)
        self.assertEqual((message["Body"], message["MessageId"]), ("poison", sent["MessageId"]))
        source = message["Attributes"]["DeadLetterQueueSourceArn"]
        self.assertEqual(source, self.attributes(queue)["QueueArn"])
        self.assertEqual(self.receive(queue), [])

    def test_dead_letters_do_not_hold_up_the_living(self):
        queue, dead = self.queues(1)
        for body in "abc":
            self.send(queue, body)
        self.receive_all(queue, 3)
        self.send(queue, "alive")
        self.assertEqual(self.receive_one(queue)["Body"], "alive")
        self.assertEqual(sorted(message["Body"] for message in self.receive_all(dead, 3)), ["a", "b", "c"])

    def test_a_dead_letter_wakes_who_waits_for_it(self):
        queue, dead = self.queues(1)
        self.send(queue, "poison")
        self.receive_one(queue)
        (message,) = self.while_polling(dead, lambda: self.assertEqual(self.receive(queue), []))
        self.assertEqual(message["Body"], "poison")

    def test_a_redrive_policy_is_answered_as_it_was_set_and_can_be_taken_away(self):
        queue, dead = self.queues(3)
        policy = json.loads(self.attributes(queue)["RedrivePolicy"])
        target = self.attributes(dead)["QueueArn"]
        self.assertEqual(policy, {"deadLetterTargetArn": target, "maxReceiveCount": 3})
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": ""})
        self.assertNotIn("RedrivePolicy", self.attributes(queue))

    def test_a_redrive_policy_that_leads_nowhere_is_refused(self):
        queue, dead = self.queues(3)
        target = self.attributes(dead)["QueueArn"]
        for arn, count in ((target + "-absent", 3), (target, 0), (target, 1001)):
            with self.subTest(arn=arn, count=count):
                policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})
                change = {"QueueUrl": queue, "Attributes": {"RedrivePolicy": policy}}
                self.refused("InvalidParameterValue", self.sqs.set_queue_attributes, **change)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="http://host:port")
    arguments, rest = parser.parse_known_args()
    Behaviour.endpoint = arguments.endpoint.rstrip("/")
    protocol = boto3.client("sqs", region_name="eu-west-1").meta.service_model.protocol_name
    print(f"boto3 {boto3.__version__}, botocore {botocore.__version__}, {protocol} protocol", file=sys.stderr)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
