"""Queues: names, attributes, lists, purges."""

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
