"""Queues: names, attributes, lists, purges."""

import json
import uuid

from asking import MEBIBYTE, NO_QUEUE, PREFIX, Behaviour


class Queues(Behaviour):
    def test_a_queue_is_created_found_listed_and_deleted(self):
        url = self.queue()
        name = url.rsplit("/", 1)[1]
        self.assertTrue(url.startswith(self.endpoint + "/"), url)
        self.assertEqual(self.sqs.get_queue_url(QueueName=name)["QueueUrl"], url)
        self.assertEqual(self.sqs.list_queues(QueueNamePrefix=name)["QueueUrls"], [url])
        self.sqs.delete_queue(QueueUrl=url)
        with self.assertRaises(self.sqs.exceptions.QueueDoesNotExist):
            self.sqs.get_queue_url(QueueName=name)
        self.assertEqual(self.sqs.list_queues(QueueNamePrefix=name).get("QueueUrls", []), [])

    def test_a_queue_is_found_by_its_owner_too(self):
        url = self.queue()
        name, account = url.rsplit("/", 1)[1], self.attributes(url)["QueueArn"].split(":")[4]
        self.assertEqual(self.sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"], url)

    def test_a_queue_that_does_not_exist_has_the_code_of_the_query_protocol_in_both(self):
        self.refused(NO_QUEUE, self.sqs.get_queue_url, QueueName="absent")

    def test_a_queue_that_does_not_exist_has_the_class_that_callers_catch(self):
        url = f"{self.endpoint}/000000000000/suite-{uuid.uuid4()}"
        for action, parameters in (
            ("send_message", {"MessageBody": "x"}),
            ("send_message_batch", {"Entries": [{"Id": "a", "MessageBody": "x"}]}),
            ("receive_message", {}),
            ("receive_message", {"WaitTimeSeconds": 5}),
            ("get_queue_attributes", {}),
            ("set_queue_attributes", {"Attributes": {"DelaySeconds": "1"}}),
            ("purge_queue", {}),
        ):
            with self.case(action + (" that waits" if "WaitTimeSeconds" in parameters else "")):
                with self.assertRaises(self.sqs.exceptions.QueueDoesNotExist):
                    getattr(self.sqs, action)(QueueUrl=url, **parameters)

    def test_creating_a_queue_again_answers_its_url_unless_an_attribute_differs(self):
        url = self.queue(VisibilityTimeout="7")
        name = url.rsplit("/", 1)[1]
        same = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})
        self.assertEqual(same["QueueUrl"], url)
        self.assertEqual(self.sqs.create_queue(QueueName=name)["QueueUrl"], url)
        other = {"QueueName": name, "Attributes": {"VisibilityTimeout": "8"}}
        with self.case("its class"):
            with self.assertRaises(self.sqs.exceptions.QueueNameExists):
                self.sqs.create_queue(**other)
        with self.case("its code"):
            self.refused("QueueAlreadyExists", self.sqs.create_queue, **other)

    def test_names_that_cannot_be_are_refused(self):
        for what, name in (("a space", "a b"), ("an accent", "é"), ("too long", "a" * 81)):
            with self.case(what):
                self.refused("InvalidParameterValue", self.sqs.create_queue, QueueName=name)

    def test_attributes_have_their_documented_defaults_and_can_be_changed(self):
        queue = self.queue(DelaySeconds="2")
        changes = {"VisibilityTimeout": "77", "MaximumMessageSize": "2048"}
        for name, default in (
            ("VisibilityTimeout", "30"),
            ("DelaySeconds", "2"),
            ("MaximumMessageSize", str(MEBIBYTE)),
            ("MessageRetentionPeriod", "345600"),
            ("ReceiveMessageWaitTimeSeconds", "0"),
        ):
            with self.case(name):
                self.assertEqual(self.attributes(queue).get(name), default)
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes=changes)
        for name, value in changes.items():
            with self.case(name + " changed"):
                self.assertEqual(self.attributes(queue, name), {name: value})
        self.assertEqual(self.attributes(queue)["DelaySeconds"], "2")

    def test_attributes_name_the_queue_and_its_times(self):
        queue = self.queue()
        attributes = self.attributes(queue)
        self.assertRegex(attributes["QueueArn"], "^arn:aws:sqs:eu-west-1:[0-9]{12}:" + queue.rsplit("/", 1)[1] + "$")
        for name in ("CreatedTimestamp", "LastModifiedTimestamp"):
            with self.case(name):
                self.assertRegex(attributes[name], "^[0-9]+$")
                self.assertGreater(int(attributes[name]), 1_700_000_000)

    def test_attributes_come_only_when_asked_for(self):
        self.assertNotIn("Attributes", self.sqs.get_queue_attributes(QueueUrl=self.queue()))

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
            with self.case(f"{name} {value}"):
                change = {"QueueUrl": queue, "Attributes": {name: value}}
                self.refused("InvalidAttributeValue", self.sqs.set_queue_attributes, **change)
        with self.case("an unknown one set"):
            change = {"QueueUrl": queue, "Attributes": {"Colour": "red"}}
            self.refused("InvalidAttributeName", self.sqs.set_queue_attributes, **change)
        with self.case("an unknown one asked for"):
            ask = {"QueueUrl": queue, "AttributeNames": ["Colour"]}
            self.refused("InvalidAttributeName", self.sqs.get_queue_attributes, **ask)

    def test_a_queue_whose_attributes_cannot_be_is_not_created(self):
        name = f"suite-{uuid.uuid4()}"
        attributes = {"VisibilityTimeout": "43201"}
        self.refused("InvalidAttributeValue", self.sqs.create_queue, QueueName=name, Attributes=attributes)
        self.assertEqual(self.sqs.list_queues(QueueNamePrefix=name).get("QueueUrls", []), [])

    def test_changed_attributes_hold_for_what_comes_after(self):
        queue = self.queue(VisibilityTimeout="600", DelaySeconds="900")
        self.send(queue, "delayed")
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0", "DelaySeconds": "0"})
        self.send(queue, "at once")
        for _ in range(2):
            self.assertEqual([message["Body"] for message in self.receive(queue)], ["at once"])

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
        self.assertEqual({url for page in pages for url in page}, created)
        with self.case("of the size asked for"):
            self.assertLessEqual(max(len(page) for page in pages), 2)

    def test_a_purge_removes_everything_and_is_allowed_once_a_minute(self):
        queue = self.queue()
        for body in "abc":
            self.send(queue, body)
        self.glimpse(queue)
        self.sqs.purge_queue(QueueUrl=queue)
        self.assertEqual(self.receive(queue), [])
        with self.case("again"):
            self.refused(PREFIX + "PurgeQueueInProgress", self.sqs.purge_queue, QueueUrl=queue)

    def test_a_purge_removes_what_is_in_flight_too(self):
        queue = self.queue(VisibilityTimeout="1")
        self.send(queue)
        self.receive_one(queue)
        self.sqs.purge_queue(QueueUrl=queue)
        self.assertEqual(self.receive(queue, 2), [])

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

    def test_the_sources_of_a_dead_letter_queue_are_listed(self):
        dead = self.queue()
        policy = {"deadLetterTargetArn": self.attributes(dead)["QueueArn"], "maxReceiveCount": 3}
        source = self.queue(RedrivePolicy=json.dumps(policy))
        # The one answer whose list is called otherwise than in every other.
        self.assertEqual(self.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [source])
