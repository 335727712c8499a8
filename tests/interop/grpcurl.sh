#!/usr/bin/env bash
# What grpcurl does with nothing but a token: services, types and error details all come by reflection, at the server and
# through the edge.
#
#     tests/interop/grpcurl.sh [EDGE_ADDRESS [GRPC_ADDRESS]]
#
# Wants a stack with its example consumer, such as `postern dev`.
set -uo pipefail # not -e: what goes wrong is for the checks to tell
edge=http://${1:-127.0.0.1:8080}
grpc=${2:-127.0.0.1:50051}
here=$(dirname "$0")
source "$here/checks.sh"
source "$here/jobs.sh"

# call ADDRESS METHOD [GRPCURL_ARGUMENT …]
call() {
  grpcurl -plaintext -max-time 60 -H "authorization: Bearer $token" "${@:3}" "$1" "$2"
}

# describe ADDRESS SYMBOL
describe() {
  grpcurl -plaintext -max-time 10 "$1" describe "$2"
}

# A stream is one document after another: as one array.
as_array() {
  python3 -c '
import json, sys
text, documents, decoder = sys.stdin.read().lstrip(), [], json.JSONDecoder()
while text:
    document, end = decoder.raw_decode(text)
    documents.append(document)
    text = text[end:].lstrip()
print(json.dumps(documents))'
}

# explore NAME ADDRESS
explore() {
  local services
  services=$(grpcurl -plaintext -max-time 10 "$2" list | sort)
  matches "$1 lists its services to anybody" 'postern\.v1\.CatalogService.*postern\.v1\.JobService' "$services"
  matches "$1 lists health" 'grpc\.health\.v1\.Health' "$services"
  matches "$1 describes a service" 'rpc WatchJob \( \.postern\.v1\.WatchJobRequest \) returns \( stream \.postern' \
    "$(describe "$2" postern.v1.JobService)"
  matches "$1 describes a message" 'map<string, string> labels = 4' "$(describe "$2" postern.v1.SubmitJobRequest)"
  equals "$1 is healthy" SERVING "$(call "$2" grpc.health.v1.Health/Check | json /status)"
}

# run_a_job NAME ADDRESS
run_a_job() {
  local job watched
  next_job
  job=$(call "$2" postern.v1.JobService/SubmitJob -d "$job_request" | json /job/jobId)
  matches "$1 accepts a job" '^job_[0-9a-z]{26}$' "$job"
  watched=$(call "$2" postern.v1.JobService/WatchJob -d "{\"jobId\":\"$job\"}" | as_array)
  equals "$1 shows it to its end" "$job JOB_STATE_SUCCEEDED" "$(json /-1/job/jobId <<<"$watched") $(json /-1/job/state <<<"$watched")"
  equals "$1 has its result" '{"inserted": 1, "skipped": 0}' \
    "$(call "$2" postern.v1.JobService/GetJob -d "{\"jobId\":\"$job\",\"wait\":\"30s\"}" | json /job/result)"
}

# fail NAME ADDRESS
fail() {
  local error
  error=$(call "$2" postern.v1.JobService/SubmitJob -format-error -d '{"jobType":"contacts.import","payload":{}}' 2>&1)
  equals "$1 refuses a payload that does not fit" 3 "$(json /code <<<"$error")"
  equals "$1 gives the reason, decoded" 'type.googleapis.com/google.rpc.ErrorInfo PAYLOAD_INVALID postern' \
    "$(json /details/0/@type <<<"$error") $(json /details/0/reason <<<"$error") $(json /details/0/domain <<<"$error")"
  matches "$1 names the fields, decoded" 'google\.rpc\.BadRequest.*"/payload/account".*REQUIRED' "$(json /details/1 <<<"$error")"
  error=$(grpcurl -plaintext -max-time 10 -format-error -d '{}' "$2" postern.v1.JobService/ListJobs 2>&1)
  equals "$1 tells nothing without a token" '16 TOKEN_MISSING' "$(json /code <<<"$error") $(json /details/0/reason <<<"$error")"
}

token=$(access_token acme)
for door in "the server=$grpc" "the edge=${edge#http://}"; do
  explore "${door%%=*}" "${door##*=}"
  run_a_job "${door%%=*}" "${door##*=}"
  fail "${door%%=*}" "${door##*=}"
done
finish
