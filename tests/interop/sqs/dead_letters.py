"""Redrive policies and dead-letter queues."""

import json

from asking import Behaviour


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
