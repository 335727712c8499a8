"""Messages: bodies, attributes, sizes, delays, digests."""

import time

from asking import MEBIBYTE, Behaviour, md5, md5_of_attributes, string


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
