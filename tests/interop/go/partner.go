// Package main is a partner in Go: this file is what to copy, main.go what it is checked with.
package main

import (
	"context"
	"io"
	"iter"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	posternv1 "postern/gen/postern/v1"
)

// Partner submits jobs and learns what became of them.
type Partner struct {
	jobs  posternv1.JobServiceClient
	token string
}

// NewPartner takes a connection and an access token.
func NewPartner(conn grpc.ClientConnInterface, token string) *Partner {
	return &Partner{jobs: posternv1.NewJobServiceClient(conn), token: token}
}

// Submit hands a job over once, however often it is called with this key.
func (p *Partner) Submit(ctx context.Context, jobType, key string, payload map[string]any) (*posternv1.Job, error) {
	fields, err := structpb.NewStruct(payload)
	if err != nil {
		return nil, err
	}
	answer, err := p.jobs.SubmitJob(p.authorized(ctx), &posternv1.SubmitJobRequest{JobType: jobType, RequestId: key, Payload: fields})
	return answer.GetJob(), err
}

// Watch gives the job as it is, then at every change until it has ended. Whoever breaks off, or is cut off, goes on with the
// revision seen last; nil begins anew.
func (p *Partner) Watch(ctx context.Context, jobID string, afterRevision *int32) iter.Seq2[*posternv1.Job, error] {
	return func(yield func(*posternv1.Job, error) bool) {
		ctx, cancel := context.WithCancel(p.authorized(ctx))
		defer cancel()
		stream, err := p.jobs.WatchJob(ctx, &posternv1.WatchJobRequest{JobId: jobID, AfterRevision: afterRevision})
		for err == nil {
			var answer *posternv1.WatchJobResponse
			if answer, err = stream.Recv(); err == nil && !yield(answer.GetJob(), nil) {
				return
			}
		}
		if err != io.EOF {
			yield(nil, err)
		}
	}
}

// Why tells what an error carries besides its code and message: a reason to branch on, and the fields that do not fit.
func Why(err error) (reason string, violations []*errdetails.BadRequest_FieldViolation) {
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetReason()
		case *errdetails.BadRequest:
			violations = detail.GetFieldViolations()
		}
	}
	return reason, violations
}

func (p *Partner) authorized(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+p.token)
}
