"""Redrive policies and dead-letter queues."""

import json

from asking import Behaviour, md5_of_attributes, string


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
        self.assertEqual(self.receive(queue), [])
        with self.case("its source"):
            source = message["Attributes"].get("DeadLetterQueueSourceArn")
            self.assertEqual(source, self.attributes(queue)["QueueArn"])

    def test_a_dead_letter_keeps_its_attributes_and_when_it_was_sent(self):
        queue, dead = self.queues(1)
        attributes = {"type": string("A")}
        self.send(queue, "poison", MessageAttributes=attributes, MessageGroupId="g")
        living = self.receive_one(queue)
        self.assertEqual(self.receive(queue), [])
        message = self.receive_one(dead)
        self.assertEqual(message["MessageAttributes"], attributes)
        self.assertEqual(message["MD5OfMessageAttributes"], md5_of_attributes(attributes))
        for name in ("SentTimestamp", "MessageGroupId"):
            with self.case(name):
                self.assertEqual(message["Attributes"].get(name), living["Attributes"].get(name))

    def test_a_count_may_be_written_as_text(self):
        dead = self.queue()
        policy = {"deadLetterTargetArn": self.attributes(dead)["QueueArn"], "maxReceiveCount": "1"}
        queue = self.queue(VisibilityTimeout="0", RedrivePolicy=json.dumps(policy))
        self.send(queue, "poison")
        self.receive_one(queue)
        self.assertEqual(self.receive(queue), [])
        self.receive_one(dead)

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
        with self.case("taken away"):
            self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": ""})
            self.assertNotIn("RedrivePolicy", self.attributes(queue))

    def test_a_changed_redrive_policy_holds_for_messages_that_are_there(self):
        queue, dead = self.queues(3)
        self.send(queue, "poison")
        self.receive_one(queue)
        policy = {"deadLetterTargetArn": self.attributes(dead)["QueueArn"], "maxReceiveCount": 1}
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
        self.assertEqual(self.receive(queue), [])
        self.receive_one(dead)

    def test_a_redrive_policy_that_leads_nowhere_is_refused(self):
        queue, dead = self.queues(3)
        target = self.attributes(dead)["QueueArn"]
        for what, arn, count in (
            ("an absent queue", target + "-absent", 3),
            ("no receives", target, 0),
            ("too many receives", target, 1001),
        ):
            with self.case(what):
                policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})
                change = {"QueueUrl": queue, "Attributes": {"RedrivePolicy": policy}}
                self.refused("InvalidParameterValue", self.sqs.set_queue_attributes, **change)

    def buried(self):
        """A queue, its dead-letter queue with one message in it, and the ARN of that."""
        queue, dead = self.queues(1)
        self.send(queue, "poison", MessageAttributes={"type": string("A")})
        message = self.receive_one(queue)
        self.assertEqual(self.receive(queue), [])
        return queue, dead, message, self.attributes(dead)["QueueArn"]

    def test_a_move_task_takes_dead_letters_back_to_where_they_came_from(self):
        queue, dead, before, arn = self.buried()
        self.assertTrue(self.sqs.start_message_move_task(SourceArn=arn)["TaskHandle"])
        after = self.receive_one(queue)
        self.assertEqual((after["Body"], after["MessageAttributes"]), (before["Body"], before["MessageAttributes"]))
        self.assertEqual(self.receive(dead), [])
        with self.case("they are new messages"):
            self.assertNotEqual(after["MessageId"], before["MessageId"])
        with self.case("it is listed"):
            (task,) = self.sqs.list_message_move_tasks(SourceArn=arn)["Results"]
            self.assertEqual((task["SourceArn"], task["Status"]), (arn, "COMPLETED"))
            self.assertEqual(task["ApproximateNumberOfMessagesMoved"], 1)

    def test_a_move_task_may_name_another_destination(self):
        _, _, _, arn = self.buried()
        other = self.queue()
        self.sqs.start_message_move_task(SourceArn=arn, DestinationArn=self.attributes(other)["QueueArn"])
        self.assertEqual(self.receive_one(other)["Body"], "poison")

    def test_a_move_task_that_cannot_be_is_refused(self):
        _, _, _, arn = self.buried()
        start, cancel = self.sqs.start_message_move_task, self.sqs.cancel_message_move_task
        with self.case("from a queue without dead letters"):
            living = self.attributes(self.queue())["QueueArn"]
            self.refused("InvalidParameterValue", start, SourceArn=living)
        with self.case("from a queue that is not there"):
            self.refused("ResourceNotFoundException", start, SourceArn=arn + "-absent")
        with self.case("to a queue that is not there"):
            self.refused("ResourceNotFoundException", start, SourceArn=arn, DestinationArn=arn + "-absent")
        with self.case("by a handle that never was"):
            self.refused("InvalidParameterValue", cancel, TaskHandle="nonsense")
