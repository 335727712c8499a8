"""Batches: rules for the whole, partial failure."""

from asking import MEBIBYTE, PREFIX, Behaviour, md5


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
