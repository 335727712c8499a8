#!/usr/bin/env python3
"""What any SQS endpoint does, asked with boto3; the list of behaviours began as that of localsqs/tests/behaviour.

    behaviour.py --endpoint http://127.0.0.1:9324 [--server localsqs|elasticmq|moto] [unittest arguments]

Current versions of boto3 speak the JSON protocol, those before 1.28.82 the Query protocol: run it with both. What a server
is known to do otherwise stands in differences.py; without `--server`, nothing is.
"""

import argparse
import sys
import unittest

import boto3
import botocore

import differences
from asking import Behaviour
from batches import Batches
from dead_letters import DeadLetters
from long_polls import LongPolls
from messages import Messages
from queues import Queues
from visibility import Visibility

SUITE = (Queues, Messages, Visibility, Batches, LongPolls, DeadLetters)


class Differences(unittest.TestCase):
    """Runs last: a difference of a case that is not there would hide nothing, and say nothing."""

    def test_every_known_difference_was_looked_for(self):
        self.assertEqual(set(Behaviour.differences) - Behaviour.seen, set())


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(part) for part in (*SUITE, Differences))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="http://host:port")
    parser.add_argument("--server", choices=differences.SERVERS)
    arguments, rest = parser.parse_known_args()
    protocol = boto3.client("sqs", region_name="eu-west-1").meta.service_model.metadata["protocol"]
    Behaviour.endpoint = arguments.endpoint.rstrip("/")
    Behaviour.differences = differences.of(arguments.server, protocol)
    print(f"boto3 {boto3.__version__}, botocore {botocore.__version__}, {protocol} protocol", file=sys.stderr)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
