"""Long polls: they wait, and whatever brings a message to light wakes them."""

import concurrent.futures
import time

from asking import POLL_SECONDS, SOON_SECONDS, Behaviour


class LongPolls(Behaviour):
    def test_a_long_poll_without_messages_ends_after_its_wait(self):
        queue, started_at = self.queue(), time.monotonic()
        self.assertEqual(self.receive(queue, 1), [])
        self.assertTrue(0.9 <= time.monotonic() - started_at < SOON_SECONDS)

    def test_a_queues_wait_holds_for_receivers_that_name_none(self):
        queue, started_at = self.queue(ReceiveMessageWaitTimeSeconds="1"), time.monotonic()
        self.assertEqual(self.sqs.receive_message(QueueUrl=queue).get("Messages", []), [])
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
            polls = [pool.submit(self.receive, queue, POLL_SECONDS, MaxNumberOfMessages=1) for _ in range(3)]
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
