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
            with self.case(" ".join(wanted) or "none"):
                received = self.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=wanted)
                (message,) = received["Messages"]
                self.assertEqual(sorted(message.get("MessageAttributes", {})), names)
                digest = md5_of_attributes({name: attributes[name] for name in names}) if names else None
                self.assertEqual(message.get("MD5OfMessageAttributes"), digest)

    def test_system_attributes_come_when_they_are_asked_for(self):
        queue = self.queue(VisibilityTimeout="0")
        self.send(queue)
        with self.case("not asked for"):
            (bare,) = self.sqs.receive_message(QueueUrl=queue)["Messages"]
            self.assertNotIn("Attributes", bare)
        (some,) = self.sqs.receive_message(QueueUrl=queue, AttributeNames=["SentTimestamp"])["Messages"]
        self.assertEqual(list(some["Attributes"]), ["SentTimestamp"])
        attributes = self.receive_one(queue)["Attributes"]
        self.assertEqual(attributes["ApproximateReceiveCount"], "3")
        self.assertTrue(attributes["SenderId"])
        sent_at, first = int(attributes["SentTimestamp"]), int(attributes["ApproximateFirstReceiveTimestamp"])
        self.assertTrue(1_700_000_000_000 < sent_at <= first < sent_at + 60_000, attributes)

    def test_system_attributes_are_also_asked_for_by_the_name_of_today(self):
        if "MessageSystemAttributeNames" not in self.members("ReceiveMessage"):
            self.skipTest("this client is older than the parameter")
        queue = self.queue()
        self.send(queue)
        wanted = {"MessageSystemAttributeNames": ["SentTimestamp"]}
        (message,) = self.sqs.receive_message(QueueUrl=queue, **wanted)["Messages"]
        self.assertEqual(list(message["Attributes"]), ["SentTimestamp"])

    def test_a_trace_header_is_carried_and_digested(self):
        queue = self.queue()
        trace = string("Root=1-5759e988-bd862e3fe1be46a994272793")
        sent = self.send(queue, MessageSystemAttributes={"AWSTraceHeader": trace})
        self.assertEqual(self.receive_one(queue)["Attributes"]["AWSTraceHeader"], trace["StringValue"])
        with self.case("its digest"):
            digest = md5_of_attributes({"AWSTraceHeader": trace})
            self.assertEqual(sent.get("MD5OfMessageSystemAttributes"), digest)

    def test_a_group_on_a_standard_queue_is_carried_and_holds_up_nothing(self):
        queue = self.queue()
        for body in "ab":
            self.send(queue, body, MessageGroupId="partner-7")
        first, second = (self.receive(queue, 1, MaxNumberOfMessages=1) for _ in range(2))
        self.assertEqual(len(first) + len(second), 2)
        with self.case("its name"):
            self.assertEqual(first[0]["Attributes"].get("MessageGroupId"), "partner-7")

    def test_a_deduplication_id_is_for_fifo_queues(self):
        queue = self.queue()
        self.refused("InvalidParameterValue", self.send, queue=queue, MessageDeduplicationId="once")

    def test_a_message_may_have_a_mebibyte_and_not_a_byte_more(self):
        queue = self.queue()
        most = "é" * (MEBIBYTE // 2)
        self.send(queue, most)
        self.assertEqual(self.receive_one(queue)["Body"], most)
        with self.case("a byte more"):
            self.refused("InvalidParameterValue", self.send, queue=queue, body=most + "x")

    def test_a_queues_own_limit_holds_for_body_and_attributes_together(self):
        queue = self.queue(MaximumMessageSize="1024")
        attributes = {"name": string("é")}
        rest = 1024 - len("name") - len("String") - len("é".encode())
        self.send(queue, "x" * rest, MessageAttributes=attributes)
        with self.case("a byte more of the body"):
            self.refused("InvalidParameterValue", self.send, queue=queue, body="x" * 1025)
        with self.case("a byte more with attributes"):
            more = {"queue": queue, "body": "x" * (rest + 1), "MessageAttributes": attributes}
            self.refused("InvalidParameterValue", self.send, **more)

    def test_what_xml_cannot_carry_is_refused(self):
        queue = self.queue()
        for body in ("\x01", "x\x0by", "\ufffe", "\uffff"):
            with self.case(ascii(body)):
                self.refused("InvalidMessageContents", self.send, queue=queue, body=body)
        with self.case("nothing at all"):
            self.refused("MissingParameter", self.send, queue=queue, body="")

    def test_attributes_that_cannot_be_are_refused(self):
        queue = self.queue()
        for what, name, attribute in (
            ("an empty value", "empty", string("")),
            ("a number that is none", "number", string("one", "Number")),
            ("an unknown type", "kind", string("x", "Text")),
            ("a name with two dots", "dots..twice", string("x")),
            ("a name of Amazon's", "AWS.mine", string("x")),
            ("a text as binary", "binary", string("x", "Binary")),
        ):
            with self.case(what):
                attributes = {name: attribute}
                self.refused("InvalidParameterValue", self.send, queue=queue, MessageAttributes=attributes)
        with self.case("eleven of them"):
            eleven = {f"a{number}": string("x") for number in range(11)}
            self.refused("InvalidParameterValue", self.send, queue=queue, MessageAttributes=eleven)

    def test_ten_attributes_are_not_too_many(self):
        queue, ten = self.queue(), {f"a{number}": string("x") for number in range(10)}
        sent = self.send(queue, MessageAttributes=ten)
        self.assertEqual(sent["MD5OfMessageAttributes"], md5_of_attributes(ten))
        self.assertEqual(self.receive_one(queue)["MessageAttributes"], ten)

    def test_parameters_out_of_range_are_refused(self):
        queue = self.queue()
        for call, name, value in (
            (self.send, "DelaySeconds", 901),
            (self.send, "DelaySeconds", -1),
            (self.send, "MessageGroupId", "g" * 129),
            (self.receive, "MaxNumberOfMessages", 0),
            (self.receive, "MaxNumberOfMessages", 11),
            (self.receive, "wait_seconds", 21),
            (self.receive, "VisibilityTimeout", 43_201),
        ):
            with self.case(f"{name} {value if isinstance(value, int) else 'too long'}"):
                self.refused("InvalidParameterValue", call, queue=queue, **{name: value})

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
