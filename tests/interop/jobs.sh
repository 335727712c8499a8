# Sourced after checks.sh by the clients in bash that submit jobs over REST: tokens and requests. Wants $edge, the edge's URL.

run=interop-$$-$(date +%s)
serial=0

# access_token CLIENT
access_token() {
  curl --silent --show-error --max-time 10 --user "$1:$1-secret" --data grant_type=client_credentials "$edge/oauth2/token" |
    json /access_token
}

# next_job [ACCOUNT]: sets $job_request to a request like no other before, so that no unique constraint gets in the way.
next_job() {
  serial=$((serial + 1))
  local reference=$run-$serial
  job_request='{"jobType":"contacts.import","labels":{"team":"crm"},"payload":{"account":"'${1:-interop}'",'
  job_request+='"reference":"'$reference'","contacts":[{"email":"'$reference'@example.com","name":"X"}]}}'
}

# api METHOD PATH [CURL_ARGUMENT …]: a request with the partner's token.
api() {
  local method=$1 path=$2
  shift 2
  request "$method" "$edge$path" --header "Authorization: Bearer $token" "$@"
}

# submit [CURL_ARGUMENT …]: submits $job_request.
submit() {
  api POST /v1/jobs --header 'Content-Type: application/json' --data "$job_request" "$@"
}

# submit_next [ACCOUNT]: sets $job to the id of a new job.
submit_next() {
  next_job "$@"
  submit
  job=$(field /jobId)
}
