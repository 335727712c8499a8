#!/usr/bin/env python3
"""What each server is known to do otherwise than Amazon documents: the one table of it.

Every difference names the cases of the suite that show it, and what their failure says; a case that stops failing, or fails
otherwise, fails the suite. The page docs/sqs-servers.md has the same table for readers:

    differences.py docs/sqs-servers.md [--check]
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

SERVERS = ("localsqs", "elasticmq", "moto")
DONE = "done instead of"
# What a client makes of an answer that is no SQS error at all: a status in JSON, broken XML in Query.
CRASH = {"json": "'500' !=", "query": "ResponseParserError"}
# ElasticMQ has the codes of the Query protocol in that protocol only.
ABSENT = {"json": "'QueueDoesNotExist' !=", "query": "NonExistentQueue' !="}
NOT_THERE = {"json": "(500)", "query": "ResponseParserError"}


@dataclass(frozen=True)
class Otherwise:
    """What a server does instead, and which cases show it: what the failure says, where need be by protocol."""

    does: str
    shown: dict[str, str | dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    what: str
    amazon: str
    localsqs: Otherwise | None = None
    elasticmq: Otherwise | None = None
    moto: Otherwise | None = None


def shown(test: str, says: str | dict[str, str], *parts: str) -> dict[str, str | dict[str, str]]:
    """Cases of one test that fail alike; without parts, the test as a whole."""
    return {f"{test} / {part}": says for part in parts} if parts else {test: says}


ATTRIBUTES = "attributes_out_of_range_or_unknown_are_refused"
RANGES = (
    "VisibilityTimeout 43201",
    "DelaySeconds 901",
    "MaximumMessageSize 1023",
    "MaximumMessageSize 1048577",
    "MessageRetentionPeriod 59",
    "ReceiveMessageWaitTimeSeconds 21",
)
DEFAULTS = "attributes_have_their_documented_defaults_and_can_be_changed"
SIZE = "a_message_may_have_a_mebibyte_and_not_a_byte_more"
OWN_SIZE = "a_queues_own_limit_holds_for_body_and_attributes_together"
XML = "what_xml_cannot_carry_is_refused"
BODIES = tuple(ascii(body) for body in ("\x01", "x\x0by", "\ufffe", "\uffff"))
MESSAGE_ATTRIBUTES = "attributes_that_cannot_be_are_refused"
PARAMETERS = "parameters_out_of_range_are_refused"
IDS = "a_batch_whose_ids_cannot_be_answered_is_refused_as_a_whole"
ENTRY = "an_entry_that_cannot_be_sent_fails_alone"
STALE = "a_stale_handle_deletes_nothing_and_hides_nothing"
DELETED = "a_deleted_message_does_not_come_back_and_may_be_deleted_twice"
TARGET = "a_redrive_policy_that_leads_nowhere_is_refused"
MOVES = ("a_move_task_takes_dead_letters_back_to_where_they_came_from", "a_move_task_may_name_another_destination")
MOVE = "a_move_task_that_cannot_be_is_refused"
MOVES_REFUSED = (
    "from a queue without dead letters",
    "from a queue that is not there",
    "to a queue that is not there",
    "by a handle that never was",
)

TABLE = (
    Row(
        "queue attributes out of range, such as `VisibilityTimeout` 43201",
        "refused: `InvalidAttributeValue`",
        elasticmq=Otherwise(
            "taken as they are; what is no number answers 500",
            shown(ATTRIBUTES, DONE, *RANGES)
            | shown(ATTRIBUTES, CRASH, "VisibilityTimeout soon")
            | shown("a_queue_whose_attributes_cannot_be_is_not_created", DONE),
        ),
        moto=Otherwise(
            "taken as they are; what is no number answers 500",
            shown(ATTRIBUTES, DONE, *RANGES)
            | shown(ATTRIBUTES, CRASH, "VisibilityTimeout soon")
            | shown("a_queue_whose_attributes_cannot_be_is_not_created", DONE),
        ),
    ),
    Row(
        "queue attributes that do not exist",
        "refused: `InvalidAttributeName`",
        elasticmq=Otherwise("may be asked for", shown(ATTRIBUTES, DONE, "an unknown one asked for")),
        moto=Otherwise("may be set", shown(ATTRIBUTES, DONE, "an unknown one set")),
    ),
    Row(
        "`MaximumMessageSize`, `MessageRetentionPeriod`",
        "attributes of every queue",
        elasticmq=Otherwise(
            "not told, and forgotten when set",
            shown(DEFAULTS, "None !=", "MaximumMessageSize", "MessageRetentionPeriod")
            | shown(DEFAULTS, "{} !=", "MaximumMessageSize changed"),
        ),
    ),
    Row(
        "`CreatedTimestamp`, `LastModifiedTimestamp`",
        "whole seconds",
        moto=Otherwise(
            "with a fraction",
            shown(
                "attributes_name_the_queue_and_its_times",
                "Regex didn't match",
                "CreatedTimestamp",
                "LastModifiedTimestamp",
            ),
        ),
    ),
    Row(
        "an answer without attributes",
        "has no `Attributes`",
        elasticmq=Otherwise(
            "JSON: has an empty one", shown("attributes_come_only_when_asked_for", {"json": "unexpectedly found"})
        ),
    ),
    Row(
        "error codes in the JSON protocol",
        "header `x-amzn-query-error` has the code of the Query protocol, which SDKs then show",
        elasticmq=Otherwise(
            "no such header: SDKs show `QueueDoesNotExist` for `AWS.SimpleQueueService.NonExistentQueue`",
            shown("a_queue_that_does_not_exist_has_the_code_of_the_query_protocol_in_both", {"json": "QueueDoesNotExist"})
            | shown(
                "creating_a_queue_again_answers_its_url_unless_an_attribute_differs",
                {"json": "QueueNameExists"},
                "its code",
            )
            | shown(
                IDS, {"json": "'TooMany"}, "TooManyEntriesInBatchRequest sent", "TooManyEntriesInBatchRequest deleted"
            )
            | shown(IDS, {"json": "'BatchEntry"}, "BatchEntryIdsNotDistinct sent", "BatchEntryIdsNotDistinct deleted"),
        ),
    ),
    Row(
        "queue names that cannot be",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "refused: `InvalidAttributeName`",
            shown("names_that_cannot_be_are_refused", "InvalidAttributeName", "a space", "an accent", "too long"),
        ),
    ),
    Row(
        "pages of `ListQueues`",
        "no longer than `MaxResults`",
        elasticmq=Otherwise(
            "one page with everything",
            shown("lists_come_in_pages_that_miss_nothing", "5 not less", "of the size asked for"),
        ),
    ),
    Row(
        "a second `PurgeQueue` within a minute",
        "refused: `PurgeQueueInProgress`",
        elasticmq=Otherwise(
            "purges again", shown("a_purge_removes_everything_and_is_allowed_once_a_minute", DONE, "again")
        ),
    ),
    Row(
        "a message above 1 MiB, or above its queue's `MaximumMessageSize`",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "taken, whatever its size",
            shown(SIZE, DONE, "a byte more")
            | shown(OWN_SIZE, DONE, "a byte more of the body", "a byte more with attributes"),
        ),
        moto=Otherwise(
            "its body alone is measured, against the queue's limit if it was set",
            shown(SIZE, DONE, "a byte more") | shown(OWN_SIZE, DONE, "a byte more with attributes"),
        ),
    ),
    Row(
        "a batch above 1 MiB",
        "refused: `BatchRequestTooLong`",
        elasticmq=Otherwise(
            "refused: `InvalidAttributeValue`",
            shown("a_batch_may_have_a_mebibyte_in_all", "InvalidAttributeValue", "a byte more"),
        ),
    ),
    Row(
        "bodies that XML cannot carry, empty ones",
        "refused: `InvalidMessageContents`, `MissingParameter`",
        elasticmq=Otherwise(
            "refused: `InvalidAttributeValue`",
            shown(XML, "InvalidAttributeValue", *BODIES, "nothing at all")
            | shown(ENTRY, "InvalidAttributeValue", "an illegal body"),
        ),
        moto=Otherwise(
            "taken", shown(XML, DONE, *BODIES, "nothing at all") | shown(ENTRY, "'bad'", "an illegal body")
        ),
    ),
    Row(
        "message attributes: empty values, numbers that are none, more than ten",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "refused: `InvalidAttributeValue`",
            shown(
                MESSAGE_ATTRIBUTES, "InvalidAttributeValue", "an empty value", "a number that is none", "eleven of them"
            )
            | shown(ENTRY, "InvalidAttributeValue", "an empty attribute"),
        ),
        moto=Otherwise(
            "taken",
            shown(MESSAGE_ATTRIBUTES, DONE, "an empty value", "a number that is none", "eleven of them")
            | shown(ENTRY, "'bad'", "an empty attribute"),
        ),
    ),
    Row(
        "message attributes: names with two dots, or that begin with `AWS.`",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise("taken", shown(MESSAGE_ATTRIBUTES, DONE, "a name with two dots", "a name of Amazon's")),
        moto=Otherwise("taken", shown(MESSAGE_ATTRIBUTES, DONE, "a name with two dots", "a name of Amazon's")),
    ),
    Row(
        "message attributes: a type that is unknown, or not that of the value",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "JSON: a value of another type is a `MissingParameter`; Query: both answer 500",
            shown(MESSAGE_ATTRIBUTES, {"query": CRASH["query"]}, "an unknown type")
            | shown(MESSAGE_ATTRIBUTES, {"json": "MissingParameter", "query": CRASH["query"]}, "a text as binary"),
        ),
        moto=Otherwise("a text as binary is taken", shown(MESSAGE_ATTRIBUTES, DONE, "a text as binary")),
    ),
    Row(
        "message attributes asked for by `prefix.*`",
        "all whose names begin so",
        elasticmq=Otherwise(
            "none", shown("a_receiver_gets_the_attributes_it_asked_for_and_their_digest", "Lists differ: []", "trace.*")
        ),
    ),
    Row(
        "`MD5OfMessageSystemAttributes`",
        "answers who sends an `AWSTraceHeader`",
        elasticmq=Otherwise("missing", shown("a_trace_header_is_carried_and_digested", "None !=", "its digest")),
        moto=Otherwise("missing", shown("a_trace_header_is_carried_and_digested", "None !=", "its digest")),
    ),
    Row(
        "`MaxNumberOfMessages` and `WaitTimeSeconds` out of range",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "refused: `InvalidAttributeValue`",
            shown(
                PARAMETERS,
                "InvalidAttributeValue",
                "MaxNumberOfMessages 0",
                "MaxNumberOfMessages 11",
                "wait_seconds 21",
            ),
        ),
    ),
    Row(
        "a visibility beyond twelve hours",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "taken",
            shown(PARAMETERS, DONE, "VisibilityTimeout 43201")
            | shown("visibility_beyond_twelve_hours_is_refused", DONE),
        ),
    ),
    Row(
        "`DelaySeconds` below 0, a `MessageGroupId` of more than 128 characters",
        "refused: `InvalidParameterValue`",
        moto=Otherwise("taken", shown(PARAMETERS, DONE, "DelaySeconds -1", "MessageGroupId too long")),
    ),
    Row(
        "`MessageDeduplicationId` on a standard queue",
        "refused: `InvalidParameterValue`",
        moto=Otherwise("taken", shown("a_deduplication_id_is_for_fifo_queues", DONE)),
    ),
    Row(
        "batches: no entries, ids with other characters",
        "refused: `EmptyBatchRequest`, `InvalidBatchEntryId`",
        elasticmq=Otherwise(
            "done",
            shown(
                IDS,
                DONE,
                "EmptyBatchRequest sent",
                "EmptyBatchRequest deleted",
                "InvalidBatchEntryId sent",
                "InvalidBatchEntryId deleted",
            )
            | shown(IDS, "Lists differ", "nothing was sent"),
        ),
        moto=Otherwise("deletions are done", shown(IDS, DONE, "InvalidBatchEntryId deleted")),
    ),
    Row(
        "a batch of more than ten deletions",
        "refused: `TooManyEntriesInBatchRequest`",
        moto=Otherwise(
            "refused, here for its handles: `BatchEntryIdsNotDistinct`",
            shown(IDS, "BatchEntryIdsNotDistinct", "TooManyEntriesInBatchRequest deleted"),
        ),
    ),
    Row(
        "deleting again, or with a handle from before the last receive",
        "accepted; a message that was received since stays",
        elasticmq=Otherwise(
            "refused: `ReceiptHandleIsInvalid`",
            shown(DELETED, "ReceiptHandleIsInvalid", "twice")
            | shown(STALE, "ReceiptHandleIsInvalid", "its deletion is accepted"),
        ),
        moto=Otherwise(
            "accepted; a handle from before the last receive **deletes the message**",
            shown(STALE, "ReceiptHandleIsInvalid", "the message is left"),
        ),
    ),
    Row(
        "changing the visibility by such a handle",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "refused: `ReceiptHandleIsInvalid`",
            shown(DELETED, "'ReceiptHandleIsInvalid'", "shown again")
            | shown(STALE, "'ReceiptHandleIsInvalid'", "its change is refused"),
        ),
        moto=Otherwise(
            "refused: `ReceiptHandleIsInvalid`",
            shown(DELETED, "'ReceiptHandleIsInvalid'", "shown again")
            | shown(STALE, "'ReceiptHandleIsInvalid'", "its change is refused"),
        ),
    ),
    Row(
        "changing the visibility of a message that is not in flight",
        "refused: `MessageNotInflight`",
        elasticmq=Otherwise(
            "done, and hides it",
            shown("a_visible_message_is_not_in_flight", DONE) | shown("a_visible_message_fails_alone", "'visible'"),
        ),
        moto=Otherwise(
            "done, and hides it",
            shown("a_visible_message_is_not_in_flight", DONE) | shown("a_visible_message_fails_alone", "'visible'"),
        ),
    ),
    Row(
        "a dead letter arrives while somebody polls its queue",
        "wakes the poll",
        elasticmq=Otherwise(
            "comes with the next poll", shown("a_dead_letter_wakes_who_waits_for_it", "nothing woke it")
        ),
    ),
    Row(
        "`DeadLetterQueueSourceArn`",
        "on every dead letter",
        moto=Otherwise(
            "missing",
            shown("a_message_received_too_often_goes_to_the_dead_letter_queue", "None !=", "its source"),
        ),
    ),
    Row(
        "an empty `RedrivePolicy`",
        "takes the policy away",
        elasticmq=Otherwise(
            "refused: `InvalidAttributeValue`",
            shown(
                "a_redrive_policy_is_answered_as_it_was_set_and_can_be_taken_away", "InvalidAttributeValue", "taken away"
            ),
        ),
    ),
    Row(
        "a `RedrivePolicy` to a queue that does not exist",
        "refused: `InvalidParameterValue`",
        elasticmq=Otherwise(
            "refused: `QueueDoesNotExist`",
            shown(TARGET, ABSENT, "an absent queue"),
        ),
        moto=Otherwise("refused: `QueueDoesNotExist`", shown(TARGET, "NonExistentQueue", "an absent queue")),
    ),
    Row(
        "`maxReceiveCount` 0 or 1001",
        "refused: `InvalidParameterValue`",
        moto=Otherwise("taken", shown(TARGET, DONE, "no receives", "too many receives")),
    ),
    Row(
        "`StartMessageMoveTask`",
        "moves dead letters back, or to a queue that is named, as new messages",
        elasticmq=Otherwise("as the messages that they were", shown(MOVES[0], " == ", "they are new messages")),
        moto=Otherwise("not there: answers 500", shown(MOVES[0], NOT_THERE) | shown(MOVES[1], NOT_THERE)),
    ),
    Row(
        "a move task of queues that are not there, or have no dead letters; a handle that never was",
        "refused: `ResourceNotFoundException`, `InvalidParameterValue`",
        elasticmq=Otherwise(
            "refused: `QueueDoesNotExist`, 500; `ResourceNotFoundException`",
            shown(MOVE, ABSENT, "from a queue that is not there", "to a queue that is not there")
            | shown(MOVE, CRASH, "from a queue without dead letters")
            | shown(MOVE, "'ResourceNotFoundException' !=", "by a handle that never was"),
        ),
        moto=Otherwise("not there: answers 500", shown(MOVE, CRASH, *MOVES_REFUSED)),
    ),
)


def of(server: str | None, protocol: str) -> dict[str, str]:
    """By case, what its failure says when this server is asked in this protocol."""
    found = {}
    for row in TABLE if server else ():
        otherwise = getattr(row, server)
        for case, says in (otherwise.shown if otherwise else {}).items():
            says = says.get(protocol) if isinstance(says, dict) else says
            if says is not None:
                found[case] = says
    return found


def page() -> str:
    """The table for readers."""
    lines = ["| behaviour | Amazon documents | localsqs | ElasticMQ | moto |", "|---|---|---|---|---|"]
    for row in TABLE:
        cells = [otherwise.does if otherwise else "✓" for otherwise in (row.localsqs, row.elasticmq, row.moto)]
        lines.append(f"| {' | '.join([row.what, row.amazon, *cells])} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes the table into a page, between its two marks.")
    parser.add_argument("page", type=Path)
    parser.add_argument("--check", action="store_true", help="only say whether the page has the table as it is")
    arguments = parser.parse_args()
    before = arguments.page.read_text()
    begin, end = "<!-- differences -->\n", "<!-- end of differences -->\n"
    head, _, rest = before.partition(begin)
    after = f"{head}{begin}\n{page()}\n\n{end}{rest.partition(end)[2]}"
    if arguments.check and after != before:
        print(f"{arguments.page} is not what tests/interop/sqs/differences.py makes of it", file=sys.stderr)
        return 1
    if not arguments.check:
        arguments.page.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
