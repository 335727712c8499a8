#!/usr/bin/env bash
# What a partner does with curl and nothing else: token, submit, poll, long poll, follow a stream, resume it, read an error.
#
#     tests/interop/curl.sh [EDGE_ADDRESS]
#
# Wants a stack with its example consumer, such as `postern dev`.
set -uo pipefail # not -e: what goes wrong is for the checks to tell
edge=http://${1:-127.0.0.1:8080}
here=$(dirname "$0")
source "$here/checks.sh"
source "$here/jobs.sh"

get_a_token() {
  request POST "$edge/oauth2/token" --data 'grant_type=client_credentials&client_id=acme&client_secret=acme-secret'
  equals 'a token is given for id and secret in the form' 200 "$status"
  equals 'the token is a bearer token' Bearer "$(field /token_type)"
  equals 'the token is not to be cached' no-store "$(header cache-control)"
  request POST "$edge/oauth2/token" --data grant_type=client_credentials
  equals 'no token is given without credentials' '401 invalid_client' "$status $(field /error)"
  token=$(access_token acme)
  matches 'a token is given for id and secret by HTTP Basic' '^[^.]+\.[^.]+\.[^.]+$' "$token"
}

submit_a_job() {
  next_job
  submit --header "Idempotency-Key: $run"
  job=$(field /jobId)
  equals 'a job is accepted' 202 "$status"
  matches 'its id is a TypeID' '^job_[0-9a-z]{26}$' "$job"
  equals 'Location names it' "/v1/jobs/$job" "$(header location)"
  equals 'it is queued' JOB_STATE_QUEUED "$(field /state)"
  equals 'ETag is its revision' '"1"' "$(header etag)"
  submit --header "Idempotency-Key: \"$run\""
  equals 'the same request with the same key is the same job' "202 $job" "$status $(field /jobId)"
  next_job
  submit --header "Idempotency-Key: $run"
  equals 'another request with that key is refused' '400 REQUEST_ID_REUSED' "$status $(field /error/details/0/reason)"
}

# As a partner polls: with the newest ETag, as often as Retry-After says. 30 s at most.
poll_until_terminal() {
  local etag='"0"' pause=1 unfinished
  for ((SECONDS = 0; SECONDS < 30; )); do
    api GET "/v1/jobs/$job" --header "If-None-Match: $etag"
    if [[ $status == 200 ]]; then
      etag=$(header etag)
      unfinished=$(header retry-after)
      [[ -n $unfinished ]] || return 0
      pause=$unfinished
    fi
    sleep "$pause"
  done
}

poll() {
  poll_until_terminal
  equals 'polling ends with a job that succeeded' '200 JOB_STATE_SUCCEEDED' "$status $(field /state)"
  equals 'its result is what the consumer returned' '{"inserted": 1, "skipped": 0}' "$(field /result)"
  equals 'a finished job has no Retry-After' '' "$(header retry-after)"
  equals 'ETag has become its newest revision' "\"$(field /revision)\"" "$(header etag)"
  equals 'a job is not to be cached' no-store "$(header cache-control)"
  api GET "/v1/jobs/$job" --header "If-None-Match: $(header etag)"
  equals 'a revision that is known already is 304 without a body' '304 ' "$status $(body)"
}

long_poll() {
  submit_next
  api GET "/v1/jobs/$job?wait=30s&afterRevision=1"
  matches 'a long poll answers at the first change' '^200 ([2-9]|[1-9][0-9]+)$' "$status $(field /revision)"
  api GET "/v1/jobs/$job?wait=30s"
  equals 'a long poll without a revision answers at the end' '200 JOB_STATE_SUCCEEDED' "$status $(field /state)"
  api GET '/v1/jobs?pageSize=1&states=JOB_STATE_SUCCEEDED&labels=team%3Dcrm'
  matches 'a list comes in pages' '^200 job_[0-9a-z]{26} .+$' "$status $(field /jobs/0/jobId) $(field /nextPageToken)"
}

# The lines of the stream that carry something: no comments, no empty ones.
events() {
  body | tr -d '\r' | grep -v -e '^:' -e '^$'
}

follow_events() {
  submit_next
  api GET "/v1/jobs/$job:watch" --header 'Accept: text/event-stream'
  matches 'a watch is an event stream' '^200 text/event-stream' "$status $(header content-type)"
  equals 'a stream is not to be cached' no-store "$(header cache-control)"
  equals 'a stream says when to come back' 'retry: 2000' "$(events | head -n 1)"
  local ids last_id last_job
  ids=$(events | sed -n 's/^id: //p')
  last_id=$(tail -n 1 <<<"$ids")
  last_job=$(events | sed -n 's/^data: //p' | tail -n 2 | head -n 1)
  equals 'event ids rise' "$(sort --numeric-sort --unique <<<"$ids")" "$ids"
  equals 'an event id is the revision of its job' "$last_id" "$(json /revision <<<"$last_job")"
  equals 'the last message is the end of the job' JOB_STATE_SUCCEEDED "$(json /state <<<"$last_job")"
  equals 'a stream ends with done' $'event: done\ndata: {}' "$(events | tail -n 2)"
  equals 'messages carry no event name' 'event: done' "$(events | grep '^event:')"
  resume_events "$last_id"
}

resume_events() {
  api GET "/v1/jobs/$job:watch" --header 'Accept: text/event-stream' --header 'Last-Event-ID: 1'
  equals 'a stream resumes after Last-Event-ID' "200 id: $1" "$status $(events | grep '^id:' | tail -n 1)"
  matches 'what was seen is not sent again' '^id: ([2-9]|[1-9][0-9]+)$' "$(events | grep '^id:' | head -n 1)"
  api GET "/v1/jobs/$job:watch" --header 'Accept: text/event-stream' --header "Last-Event-ID: $1"
  equals 'a stream that has nothing more to say is 204' '204 ' "$status $(body)"
  api GET "/v1/jobs/$job:watch" --header 'Accept: text/event-stream' --header 'Last-Event-ID: x'
  equals 'a Last-Event-ID that is no revision is refused' '400 INVALID_REQUEST' "$status $(field /error/details/0/reason)"
}

follow_json() {
  submit_next
  api GET "/v1/jobs/$job:watch" --header 'Accept: application/x-ndjson'
  matches 'a watch comes as lines' '^200 application/x-ndjson' "$status $(header content-type)"
  equals 'the last line is the end of the job' JOB_STATE_SUCCEEDED "$(body | tail -n 1 | json /state)"
  equals 'every line is a job' "$(body | grep -c .)" "$(body | grep -c "^{.*\"jobId\": *\"$job\".*}\$")"
  submit_next
  api GET "/v1/jobs/$job:watch" --header 'Accept: application/json'
  matches 'a watch comes as an array' '^200 application/json' "$status $(header content-type)"
  equals 'its last element is the end of the job' "$job JOB_STATE_SUCCEEDED" "$(field /-1/jobId) $(field /-1/state)"
  api GET "/v1/jobs/$job:watch" --header 'Accept: text/html'
  equals 'a watch in another form is refused' '406 NOT_ACCEPTABLE' "$status $(field /error/details/0/reason)"
}

# All jobs with one call: what changed since a cursor, at once or as it comes.
follow_all() {
  local begin cursor ids
  api GET /v1/jobs:changes
  begin=$(field /nextCursor)
  equals 'without a cursor nothing has changed yet' '200 []' "$status $(field /jobs)"
  submit_next
  cursor=$begin
  for ((SECONDS = 0; SECONDS < 30; )); do
    api GET "/v1/jobs:changes?cursor=$cursor&wait=30s"
    cursor=$(field /nextCursor)
    [[ $status == 200 && $(field /jobs/-1/state) != JOB_STATE_SUCCEEDED ]] || break
  done
  equals 'changes end with a job that succeeded' "200 $job JOB_STATE_SUCCEEDED" "$status $(field /jobs/-1/jobId) $(field /jobs/-1/state)"
  api GET "/v1/jobs:changes?cursor=$begin"
  equals 'each changed job comes once, in its newest state' "1 $job JOB_STATE_SUCCEEDED" \
    "$(field /jobs | grep -o '"jobId"' | wc -l) $(field /jobs/0/jobId) $(field /jobs/0/state)"
  api GET '/v1/jobs:watch?jobType=contacts.import' --header 'Accept: text/event-stream' --max-time 2
  matches 'a watch of all jobs begins with a cursor' '^200' "$status"
  ids=$(events | sed -n 's/^id: //p')
  equals 'an event id is its cursor' "$ids" "$(events | sed -n 's/^data: //p' | json /cursor)"
  submit_next
  api GET '/v1/jobs:watch?jobType=contacts.import' --header "Last-Event-ID: $ids" --max-time 2
  equals 'it resumes after Last-Event-ID' "$job" "$(events | sed -n 's/^data: //p' | head -n 1 | json /job/jobId)"
  api GET '/v1/jobs:watch' --header "Last-Event-ID: $ids"
  equals 'a cursor of another filter is refused' '400 CURSOR_INVALID' "$status $(field /error/details/0/reason)"
}

read_errors() {
  job_request='{"jobType":"contacts.import","payload":{"reference":"r","contacts":[]}}'
  submit
  equals 'a payload that does not fit is refused' '400 400 INVALID_ARGUMENT' \
    "$status $(field /error/code) $(field /error/status)"
  equals 'its first detail gives the reason' 'type.googleapis.com/google.rpc.ErrorInfo PAYLOAD_INVALID postern' \
    "$(field /error/details/0/@type) $(field /error/details/0/reason) $(field /error/details/0/domain)"
  equals 'its second detail names fields' type.googleapis.com/google.rpc.BadRequest "$(field /error/details/1/@type)"
  matches 'the field that is missing is among them' '"field": "/payload/account"[^}]*"reason": "REQUIRED"' \
    "$(field /error/details/1/fieldViolations)"
  api GET /v1/jobs/job_00000000000000000000000000
  equals 'an unknown job is not found' '404 JOB_NOT_FOUND' "$status $(field /error/details/0/reason)"
  request GET "$edge/v1/jobs/$job"
  matches 'without a token nothing is told' '^401 TOKEN_MISSING Bearer' \
    "$status $(field /error/details/0/reason) $(header www-authenticate)"
  token=$(access_token globex) api GET "/v1/jobs/$job"
  equals "another partner's job is not found" '404 JOB_NOT_FOUND' "$status $(field /error/details/0/reason)"
}

read_a_failure() {
  submit_next unknown
  api GET "/v1/jobs/$job?wait=30s"
  equals 'a job that fails tells why' '200 JOB_STATE_FAILED 5 ACCOUNT_UNKNOWN' \
    "$status $(field /state) $(field /error/code) $(field /error/details/0/reason)"
}

delete_it() {
  submit_next
  api GET "/v1/jobs/$job?wait=30s"
  api DELETE "/v1/jobs/$job"
  equals 'a job that has ended is deleted' '204 ' "$status $(body)"
  api GET "/v1/jobs/$job"
  equals 'a job that was deleted is not found' '404 JOB_NOT_FOUND' "$status $(field /error/details/0/reason)"
}

get_a_token
submit_a_job
poll
long_poll
follow_events
follow_json
follow_all
read_errors
read_a_failure
delete_it
finish
