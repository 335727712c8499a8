package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // so that a proxy may leave to the server what a caller has compressed
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	books "postern/gen/comparison/v1"
)

// The longest that a call lasts which waits for its caller to go away, or for the deadline.
const patience = 2 * time.Second

// The longest deadline that callers set.
const hurry = 10 * time.Second

// How long a stream is silent before its first message: longer than anybody's wait for it.
const silence = 1500 * time.Millisecond

// upstream is the server behind all proxies. Most of its methods say what they got; a book's name says how it behaves.
type upstream struct {
	books.UnimplementedBooksServer
	// Streams whose caller went away.
	abandoned atomic.Int64
}

func (u *upstream) serve() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := grpc.NewServer()
	books.RegisterBooksServer(server, u)
	go server.Serve(listener)
	return listener.Addr().String(), nil
}

func (u *upstream) GetBook(ctx context.Context, request *books.GetBookRequest) (*books.Book, error) {
	switch request.Name {
	case "missing":
		return nil, refusal(codes.NotFound, "there is no such book", &errdetails.ErrorInfo{Reason: "NO_BOOK", Domain: "books.example"})
	case "busy":
		return nil, refusal(codes.Unavailable, "come back", &errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	case "secret":
		return nil, status.Error(codes.Unauthenticated, "who are you?")
	case "slow":
		select {
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-time.After(patience):
		}
	case "hurried":
		deadline, _ := ctx.Deadline()
		told := !deadline.IsZero() && time.Until(deadline) <= hurry
		return &books.Book{Name: request.Name, Title: fmt.Sprintf("told of the deadline: %t", told)}, nil
	case "tagged":
		grpc.SetHeader(ctx, metadata.Pairs("etag", `"7"`))
	case "long":
		return &books.Book{Name: request.Name, Title: string(bytes.Repeat([]byte("long "), 1000))}, nil
	case "told":
		got, _ := metadata.FromIncomingContext(ctx)
		return &books.Book{Name: request.Name, Title: fmt.Sprint("authorization ", got["authorization"], ", x-custom ", got["x-custom"])}, nil
	}
	extra, _ := structpb.NewStruct(map[string]any{"a": 1.5})
	return &books.Book{
		Name: request.Name, Title: "Ein Buch", Pages: 1 << 60, Genre: books.Genre_GENRE_NOVEL,
		Published: timestamppb.New(time.Unix(0, 500_000_000)), Cover: []byte{0xfb, 0xff}, Extra: extra,
	}, nil
}

func (u *upstream) LatestBook(_ context.Context, r *books.GetBookRequest) (*books.Seen, error) {
	return seen("LatestBook", r)
}

func (u *upstream) ShelvedBook(_ context.Context, r *books.GetBookRequest) (*books.Seen, error) {
	return seen("ShelvedBook", r)
}

func (u *upstream) ArchiveBook(_ context.Context, r *books.GetBookRequest) (*books.Seen, error) {
	return seen("ArchiveBook", r)
}

func (u *upstream) DeleteBook(_ context.Context, r *books.GetBookRequest) (*books.Seen, error) {
	return seen("DeleteBook", r)
}

func (u *upstream) ReadFile(_ context.Context, r *books.GetBookRequest) (*books.Seen, error) {
	return seen("ReadFile", r)
}

func (u *upstream) ListBooks(_ context.Context, r *books.ListBooksRequest) (*books.Seen, error) {
	return seen("ListBooks", r)
}

func (u *upstream) CreateBook(_ context.Context, r *books.CreateBookRequest) (*books.Seen, error) {
	return seen("CreateBook", r)
}

func (u *upstream) UpdateBook(_ context.Context, r *books.UpdateBookRequest) (*books.Seen, error) {
	return seen("UpdateBook", r)
}

func (u *upstream) PutCover(_ context.Context, r *books.PutCoverRequest) (*books.Seen, error) {
	return seen("PutCover", r)
}

func (u *upstream) WatchBook(request *books.GetBookRequest, stream books.Books_WatchBookServer) error {
	if request.Name == "missing" {
		return refusal(codes.NotFound, "there is no such book", &errdetails.ErrorInfo{Reason: "NO_BOOK", Domain: "books.example"})
	}
	if request.Name == "silent" {
		time.Sleep(silence)
	}
	for pages := range int64(2) {
		if err := stream.Send(&books.Book{Name: request.Name, Pages: pages + 1}); err != nil {
			return err
		}
	}
	switch request.Name {
	case "broken":
		return refusal(codes.Aborted, "the book was burnt", &errdetails.ErrorInfo{Reason: "BURNT", Domain: "books.example"})
	case "endless":
		select {
		case <-stream.Context().Done():
			u.abandoned.Add(1)
		case <-time.After(patience):
		}
	}
	return nil
}

func (u *upstream) ImportBooks(stream books.Books_ImportBooksServer) error {
	for count := 0; ; count++ {
		_, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&books.Seen{Call: fmt.Sprintf("ImportBooks %d", count)})
		}
		if err != nil {
			return err
		}
	}
}

func (u *upstream) GetCover(context.Context, *books.GetBookRequest) (*httpbody.HttpBody, error) {
	return &httpbody.HttpBody{ContentType: "image/svg+xml", Data: []byte("<svg/>")}, nil
}

// Upload says what it got, put together.
func (u *upstream) Upload(stream books.Books_UploadServer) error {
	whole := &books.PutCoverRequest{Content: &httpbody.HttpBody{}}
	for {
		piece, err := stream.Recv()
		if err == io.EOF {
			answer, err := seen("Upload", whole)
			if err != nil {
				return err
			}
			return stream.SendAndClose(answer)
		}
		if err != nil {
			return err
		}
		whole.Name += piece.Name
		whole.Content.ContentType += piece.Content.GetContentType()
		whole.Content.Data = append(whole.Content.Data, piece.Content.GetData()...)
	}
}

func (u *upstream) Download(_ *books.GetBookRequest, stream books.Books_DownloadServer) error {
	for _, piece := range []string{"one,", "two"} {
		if err := stream.Send(&httpbody.HttpBody{ContentType: "text/csv", Data: []byte(piece)}); err != nil {
			return err
		}
	}
	return nil
}

func refusal(code codes.Code, message string, detail proto.Message) error {
	anything := status.New(code, message)
	detailed, err := anything.WithDetails(protoadapt.MessageV1Of(detail))
	if err != nil {
		return anything.Err()
	}
	return detailed.Err()
}

// seen is what a method got, as one line. protojson puts spaces where it likes.
func seen(method string, request proto.Message) (*books.Seen, error) {
	text, err := protojson.Marshal(request)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, err
	}
	return &books.Seen{Call: method + " " + compact.String()}, nil
}
