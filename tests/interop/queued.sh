#!/usr/bin/env bash
# What curl sees of a job while nobody executes it.
#
#     tests/interop/queued.sh [EDGE_ADDRESS]
#
# Wants a stack without a consumer, such as `postern dev --no-worker`.
set -uo pipefail # not -e: what goes wrong is for the checks to tell
edge=http://${1:-127.0.0.1:8080}
here=$(dirname "$0")
source "$here/checks.sh"
source "$here/jobs.sh"

token=$(access_token acme)
submit_next

api GET "/v1/jobs/$job"
equals 'an unfinished job says when to ask again' '200 2 "1"' "$status $(header retry-after) $(header etag)"

api GET "/v1/jobs/$job" --header 'If-None-Match: "7", W/"1"'
equals 'its revision is compared weakly, in a list' '304 ' "$status $(body)"

SECONDS=0
api GET "/v1/jobs/$job?wait=2s"
equals 'a long poll answers with the job as it is when its time is up' '200 JOB_STATE_QUEUED' "$status $(field /state)"
matches 'not before' '^[2-9]$' "$SECONDS"

api GET "/v1/jobs/$job:watch?afterRevision=9"
equals 'a revision ahead of the job is refused before the stream begins' '400 OUT_OF_RANGE REVISION_AHEAD' \
  "$status $(field /error/status) $(field /error/details/0/reason)"

api GET "/v1/jobs/$job:watch" --max-time 3
equals 'a watch stays open' '200 (curl: exit 28)' "$status"
matches 'and has sent the job as it is' $'\nid: 1\r?\ndata: \{[^\n]*"state": ?"JOB_STATE_QUEUED"' "$(body)"

job_request=${job_request/'{'/'{"validateOnly":true,'}
submit
equals 'a request that only asks is held against unique constraints, too' '409 UNIQUE_CONSTRAINT' \
  "$status $(field /error/details/0/reason)"
next_job
job_request=${job_request/'{'/'{"validateOnly":true,'}
submit
equals 'a request that would be accepted is told so, and stored nowhere' '200 ' "$status $(field /jobId)"
finish
