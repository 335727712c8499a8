"""Batches: rules for the whole, partial failure."""

from asking import MEBIBYTE, PREFIX, Behaviour, md5, md5_of_attributes, string


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

    def test_an_entry_that_cannot_be_sent_fails_alone(self):
        for what, entry, code in (
            ("an illegal body", ("bad", "\x01"), "InvalidMessageContents"),
            ("a long delay", ("bad", "late", ("DelaySeconds", 901)), "InvalidParameterValue"),
            ("an empty attribute", ("bad", "x", ("MessageAttributes", {"a": string("")})), "InvalidParameterValue"),
        ):
            with self.case(what):
                queue = self.queue()
                sent = self.send_batch(queue, ("good", "good"), entry, ("fine", "fine"))
                self.check(sent, ["good", "fine"], [("bad", code, True)])
                self.assertEqual(sorted(message["Body"] for message in self.receive_all(queue, 2)), ["fine", "good"])

    def test_entries_have_attributes_delays_and_groups_of_their_own(self):
        queue, attributes = self.queue(), {"type": string("A")}
        typed = ("typed", "typed", ("MessageAttributes", attributes), ("MessageGroupId", "g"))
        sent = self.send_batch(queue, typed, ("bare", "bare"), ("late", "late", ("DelaySeconds", 900)))
        self.check(sent, ["typed", "bare", "late"], [])
        digests = [entry.get("MD5OfMessageAttributes") for entry in sent["Successful"]]
        self.assertEqual(digests, [md5_of_attributes(attributes), None, None])
        received = {message["Body"]: message for message in self.receive_all(queue, 2)}
        self.assertEqual(received["typed"]["MessageAttributes"], attributes)
        self.assertNotIn("MessageAttributes", received["bare"])
        for entry in sent["Successful"][:2]:
            self.assertEqual(received[entry["Id"]]["MessageId"], entry["MessageId"])

    def test_handles_that_are_no_good_fail_alone(self):
        queue, failed = self.queue(), [("bad", "ReceiptHandleIsInvalid", True)]
        self.send(queue)
        with self.case("changed"):
            good = self.receive_one(queue)["ReceiptHandle"]
            entries = [{"Id": id, "ReceiptHandle": h, "VisibilityTimeout": 0} for id, h in (("bad", "x"), ("good", good))]
            self.check(self.sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries), ["good"], failed)
        with self.case("deleted"):
            good = self.receive_one(queue)["ReceiptHandle"]
            entries = [{"Id": "bad", "ReceiptHandle": "x"}, {"Id": "good", "ReceiptHandle": good}]
            self.check(self.sqs.delete_message_batch(QueueUrl=queue, Entries=entries), ["good"], failed)
            self.assertEqual(self.attributes(queue)["ApproximateNumberOfMessagesNotVisible"], "0")

    def test_a_visible_message_fails_alone(self):
        queue = self.queue(VisibilityTimeout="600")
        for body in ("held", "visible"):
            self.send(queue, body)
        handles = {message["Body"]: message["ReceiptHandle"] for message in self.receive_all(queue, 2)}
        self.hide(queue, handles["visible"], 0)
        entries = [{"Id": body, "ReceiptHandle": handle, "VisibilityTimeout": 0} for body, handle in handles.items()]
        answer = self.sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries)
        self.check(answer, ["held"], [("visible", PREFIX + "MessageNotInflight", True)])

    def test_a_batch_whose_ids_cannot_be_answered_is_refused_as_a_whole(self):
        queue = self.queue()
        for ids, code in (
            ([], "EmptyBatchRequest"),
            (list("abcdefghijk"), "TooManyEntriesInBatchRequest"),
            (["a", "a"], "BatchEntryIdsNotDistinct"),
            (["a b"], "InvalidBatchEntryId"),
        ):
            for what, call, entry in (
                ("sent", self.sqs.send_message_batch, {"MessageBody": "x"}),
                ("deleted", self.sqs.delete_message_batch, {"ReceiptHandle": "x"}),
            ):
                with self.case(f"{code} {what}"):
                    entries = [{"Id": id, **entry} for id in ids]
                    self.refused(PREFIX + code, call, QueueUrl=queue, Entries=entries)
        with self.case("nothing was sent"):
            self.assertEqual(self.receive(queue), [])

    def test_a_batch_may_have_a_mebibyte_in_all(self):
        queue, half = self.queue(), "x" * (MEBIBYTE // 2)
        self.check(self.send_batch(queue, ("a", half), ("b", half)), ["a", "b"], [])
        with self.case("a byte more"):
            entries = [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}]
            call = self.sqs.send_message_batch
            self.refused(PREFIX + "BatchRequestTooLong", call, QueueUrl=queue, Entries=entries)
