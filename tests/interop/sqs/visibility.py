"""Visibility timeouts, receipt handles, deletions."""

import time

from asking import PREFIX, SOON_SECONDS, Behaviour


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
        self.assertEqual(self.attributes(queue)["ApproximateNumberOfMessagesNotVisible"], "0")
        with self.case("twice"):
            self.delete(queue, message)
        with self.case("shown again"):
            change = {"queue": queue, "handle": message["ReceiptHandle"], "seconds": 0}
            self.refused("InvalidParameterValue", self.hide, **change)
        self.assertEqual(self.receive(queue, 2), [])

    def test_a_handle_outlives_its_timeout_until_the_message_is_received_again(self):
        queue = self.queue()
        self.send(queue)
        self.delete(queue, self.glimpse(queue))
        self.assertEqual(self.receive(queue), [])

    def test_a_stale_handle_deletes_nothing_and_hides_nothing(self):
        queue = self.queue()
        self.send(queue)
        stale, fresh = self.glimpse(queue), self.receive_one(queue)
        with self.case("its deletion is accepted"):
            self.delete(queue, stale)
        with self.case("its change is refused"):
            change = {"queue": queue, "handle": stale["ReceiptHandle"], "seconds": 0}
            self.refused("InvalidParameterValue", self.hide, **change)
        with self.case("the message is left"):
            self.hide(queue, fresh["ReceiptHandle"], 0)
            self.assertEqual(self.receive_one(queue)["MessageId"], fresh["MessageId"])

    def test_a_receiver_may_name_a_visibility_of_its_own(self):
        queue = self.queue(VisibilityTimeout="600")
        self.send(queue)
        (first,) = self.receive(queue, VisibilityTimeout=1)
        self.assertEqual(self.receive(queue), [])
        self.assertEqual(self.receive_one(queue)["MessageId"], first["MessageId"])

    def test_a_visibility_counts_from_when_it_was_changed(self):
        queue = self.queue(VisibilityTimeout="600")
        self.send(queue)
        handle = self.receive_one(queue)["ReceiptHandle"]
        for _ in range(2):
            changed_at = time.monotonic()
            self.hide(queue, handle, 1)
        self.receive_one(queue)
        self.assertTrue(0.8 <= time.monotonic() - changed_at < SOON_SECONDS)

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
        with self.case("deleted"):
            handle = {"QueueUrl": queue, "ReceiptHandle": "nonsense"}
            self.refused("ReceiptHandleIsInvalid", self.sqs.delete_message, **handle)
        with self.case("changed"):
            self.refused("ReceiptHandleIsInvalid", self.hide, queue=queue, handle="nonsense", seconds=0)

    def test_visibility_beyond_twelve_hours_is_refused(self):
        queue = self.queue()
        self.send(queue)
        change = {"queue": queue, "handle": self.receive_one(queue)["ReceiptHandle"], "seconds": 43_201}
        self.refused("InvalidParameterValue", self.hide, **change)
