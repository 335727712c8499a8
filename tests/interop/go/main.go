package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	posternv1 "postern/gen/postern/v1"
)

const runTimeMax = time.Minute

var failures int

// Usage: client EDGE_ADDRESS, of a stack with its example consumer, such as `postern dev`.
func main() {
	if err := run(os.Args[1]); err != nil {
		check("runs to its end", false, err)
	}
	if failures > 0 {
		os.Exit(1)
	}
}

func run(edge string) error {
	ctx, cancel := context.WithTimeout(context.Background(), runTimeMax)
	defer cancel()
	token, err := accessToken(edge)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(edge, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	partner := NewPartner(conn, token)

	key := fmt.Sprintf("go-%d", time.Now().UnixNano())
	payload := map[string]any{
		"account": "interop", "reference": key,
		"contacts": []any{map[string]any{"email": key + "@example.com", "name": "X"}},
	}
	job, err := partner.Submit(ctx, "contacts.import", key, payload)
	if err != nil {
		return err
	}
	check("a submitted job is queued", job.GetState() == posternv1.JobState_JOB_STATE_QUEUED, job)
	again, err := partner.Submit(ctx, "contacts.import", key, payload)
	check("the same key gives the same job", again.GetJobId() == job.GetJobId(), err)

	if err := checkWatch(ctx, partner, job.GetJobId()); err != nil {
		return err
	}
	checkError(ctx, partner, key)
	return nil
}

func checkWatch(ctx context.Context, partner *Partner, jobID string) error {
	seen, err := collect(ctx, partner, jobID, nil, 1)
	if err != nil {
		return err
	}
	cut := seen[0].GetRevision()
	resumed, err := collect(ctx, partner, jobID, &cut, -1)
	if err != nil {
		return err
	}
	seen = append(seen, resumed...)
	last := seen[len(seen)-1]
	rises := func(a, b *posternv1.Job) int { return int(a.GetRevision() - b.GetRevision()) }
	check("a watch that was cut resumes after the revision it had", slices.IsSortedFunc(seen, rises) &&
		(len(resumed) == 0 || resumed[0].GetRevision() > cut), seen)
	check("it ends with SUCCEEDED", last.GetState() == posternv1.JobState_JOB_STATE_SUCCEEDED, last)
	check("the result is there", last.GetResult().GetFields()["inserted"].GetNumberValue() == 1, last)
	return nil
}

// collect watches until so many messages were seen, or with -1 to the end.
func collect(ctx context.Context, partner *Partner, jobID string, after *int32, count int) ([]*posternv1.Job, error) {
	var seen []*posternv1.Job
	for job, err := range partner.Watch(ctx, jobID, after) {
		if err != nil {
			return nil, err
		}
		if seen = append(seen, job); len(seen) == count {
			break
		}
	}
	return seen, nil
}

func checkError(ctx context.Context, partner *Partner, key string) {
	_, err := partner.Submit(ctx, "contacts.import", key+"-wrong", map[string]any{"account": "interop", "contacts": []any{}})
	reason, violations := Why(err)
	check("a payload that does not fit is refused", status.Code(err) == codes.InvalidArgument, err)
	check("the error gives a reason", reason == "PAYLOAD_INVALID", reason)
	named := false
	for _, violation := range violations {
		named = named || violation.GetField() == "/payload/reference" && violation.GetReason() == "REQUIRED"
	}
	check("the error names the field", named, violations)
}

func accessToken(edge string) (string, error) {
	answer, err := http.PostForm("http://"+edge+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"acme"}, "client_secret": {"acme-secret"},
	})
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	return token.AccessToken, json.NewDecoder(answer.Body).Decode(&token)
}

func check(name string, holds bool, seen any) {
	if holds {
		fmt.Println("ok", name)
		return
	}
	failures++
	fmt.Printf("FAIL %s: %v\n", name, seen)
}
