package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// question is one request that all proxies get.
type question struct {
	title   string
	method  string
	target  string
	headers http.Header
	body    string
	// Headers of the answer that matter, besides its type.
	show []string
	// The body does not matter.
	headersOnly bool
	// The caller goes away after the first bytes, and the server is asked whether it heard of it.
	leaves bool
	// Whether the answer began before the server's first message matters.
	early bool
}

// A section of the report.
type section struct {
	title     string
	questions []question
}

func get(title, target string) question {
	return question{title: title, method: http.MethodGet, target: target}
}

func send(title, method, target, body string) question {
	return question{title: title, method: method, target: target, body: body, headers: http.Header{"Content-Type": {"application/json"}}}
}

// with is the same question with a header.
func (q question) with(name, value string) question {
	q.headers = q.headers.Clone()
	if q.headers == nil {
		q.headers = http.Header{}
	}
	q.headers.Set(name, value)
	return q
}

// showing is the same question, with these headers of the answer in the report.
func (q question) showing(names ...string) question {
	q.show = slices.Concat(q.show, names)
	return q
}

func (q question) bodiless() question { q.headersOnly = true; return q }

func (q question) leaving() question { q.leaves = true; return q }

func (q question) timed() question { q.early = true; return q }

func compressed(text string) string {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	writer.Write([]byte(text))
	writer.Close()
	return out.String()
}

// A GetBookRequest for the book "7", as gRPC-Web frames it.
const framed = "\x00\x00\x00\x00\x03\x0a\x017"

var sections = []section{
	{"Paths", []question{
		get("a literal before a variable", "/v1/books/latest"),
		send("a literal without the method does not hide a variable with it", "DELETE", "/v1/books/latest", ""),
		get("a variable of several segments", "/v1/shelves/1/books/2"),
		get("`%2F` in one segment is decoded", "/v1/titles/a%2Fb%20c"),
		get("`%2F` in one segment, the whole answer", "/v1/books/a%2Fb"),
		get("`%2F` in several segments stays", "/v1/shelves/a%2Fb/books/c%20d"),
		get("`**` takes many segments", "/v1/files/a/b/c%2Fd"),
		get("`**` takes no segment", "/v1/files"),
		get("`+` in a path is no space", "/v1/files/a+b"),
		send("a verb", "POST", "/v1/shelves/1/books/2:archive", "{}"),
		get("a colon that is no verb belongs to the id", "/v1/shelves/1/books/job:7"),
		get("a verb with another method", "/v1/shelves/1/books/2:archive"),
		get("a slash at the end", "/v1/books/latest/"),
		get("an unknown path", "/v1/nothing"),
		send("a known path, a wrong method", "PUT", "/v1/books/7", "{}").showing("Allow"),
		send("HEAD of a GET", "HEAD", "/v1/books/7", ""),
		send("OPTIONS", "OPTIONS", "/v1/books/7", "").showing("Allow"),
	}},
	{"Query parameters", []question{
		get("scalars, lists, nested fields, well-known types", "/v1/books?pageSize=3&genres=GENRE_NOVEL&genres=2&like.title=a%20b&publishedAfter=2026-01-02T03:04:05Z&readMask=name,title"),
		get("names as in the .proto", "/v1/books?page_size=3"),
		get("an unknown parameter", "/v1/books?colour=red"),
		get("a number that is none", "/v1/books?pageSize=many"),
		get("a singular field twice", "/v1/books?pageSize=1&pageSize=2"),
		get("two members of one oneof", "/v1/books?author=a&editor=b"),
		get("a parameter that the path has said, too", "/v1/books/7?name=8"),
		send("a parameter beside `body: \"*\"`", "POST", "/v1/books?validateOnly=true", `{"book":{"title":"a"}}`),
	}},
	{"Bodies", []question{
		send("`body: \"*\"`", "POST", "/v1/books", `{"book":{"title":"a","pages":"5","genre":"GENRE_POEMS"},"validateOnly":true}`),
		send("an unknown field", "POST", "/v1/books", `{"book":{"titel":"a"}}`),
		send("a key twice", "POST", "/v1/books", `{"validateOnly":true,"validateOnly":false}`),
		send("three mistakes at once", "POST", "/v1/books", `{"book":{"pages":"x","genre":"NONE","cover":"!"}}`),
		send("no JSON", "POST", "/v1/books", `{"book":`),
		send("an empty body", "POST", "/v1/books", ""),
		send("2^53 + 1 in a Struct", "POST", "/v1/books", `{"book":{"extra":{"n":9007199254740993}}}`),
		send("path and body agree", "POST", "/v1/shelves/1/books", `{"title":"a","shelf":"1"}`),
		send("path and body disagree", "POST", "/v1/shelves/1/books", `{"title":"a","shelf":"2"}`),
		send("path and `body: \"*\"` disagree", "POST", "/v1/shelves/1/books:all", `{"book":{"shelf":"2"}}`),
		send("PATCH without a mask", "PATCH", "/v1/shelves/1/books/2", `{"title":"a","extra":{"b":null}}`),
		send("PATCH with a mask", "PATCH", "/v1/shelves/1/books/2?updateMask=title", `{"title":"a"}`),
		send("another content type", "POST", "/v1/books", `<book/>`).with("Content-Type", "application/xml"),
		send("a body that a GET has no place for", "GET", "/v1/books/7", `{"name":"8"}`),
		send("a compressed body", "POST", "/v1/books", compressed(`{"book":{"title":"a"}}`)).with("Content-Encoding", "gzip").showing("Content-Encoding").bodiless(),
	}},
	{"Answers", []question{
		get("64-bit numbers, bytes, times, enums", "/v1/books/7"),
		get("`response_body`", "/v1/titles/7"),
		get("`HttpBody`", "/v1/covers/7"),
		send("`HttpBody` as a body", "PUT", "/v1/covers/7", "<svg/>").with("Content-Type", "image/svg+xml"),
		get("gzip, when asked for", "/v1/books/long").with("Accept-Encoding", "gzip").showing("Content-Encoding").bodiless(),
		get("an ETag from metadata", "/v1/books/tagged").showing("Etag", "Grpc-Metadata-Etag"),
		get("`If-None-Match` with that tag", "/v1/books/tagged").with("If-None-Match", `"7"`).showing("Etag"),
		get("headers to the server", "/v1/books/told").with("Authorization", "Bearer t").with("X-Custom", "c"),
	}},
	{"Errors", []question{
		get("details", "/v1/books/missing"),
		get("`RetryInfo`", "/v1/books/busy").showing("Retry-After"),
		get("UNAUTHENTICATED", "/v1/books/secret").showing("Www-Authenticate"),
		get("a deadline of the caller in seconds", "/v1/books/hurried").with("X-Server-Timeout", "10"),
		get("a deadline of the caller as gRPC has it", "/v1/books/hurried").with("Grpc-Timeout", "10S"),
		get("a deadline that the server misses", "/v1/books/slow").with("X-Server-Timeout", "1").bodiless(),
	}},
	{"Streams", []question{
		get("of answers", "/v1/books/7:watch"),
		get("of answers, as JSON", "/v1/books/7:watch").with("Accept", "application/json"),
		get("of answers, as server-sent events", "/v1/books/7:watch").with("Accept", "text/event-stream"),
		get("of answers, as NDJSON", "/v1/books/7:watch").with("Accept", "application/x-ndjson"),
		get("an error instead of the first message", "/v1/books/missing:watch"),
		get("an error behind the first message", "/v1/books/broken:watch"),
		get("an error behind the first event", "/v1/books/broken:watch").with("Accept", "text/event-stream"),
		get("a server that is silent at first", "/v1/books/silent:watch").timed(),
		get("a caller who leaves", "/v1/books/endless:watch").leaving(),
		send("of requests, as NDJSON", "POST", "/v1/books:import", "{\"validateOnly\":true}\n{\"validateOnly\":false}\n").with("Content-Type", "application/x-ndjson"),
		send("of requests, as a JSON array", "POST", "/v1/books:import", `[{"validateOnly":true},{"validateOnly":false}]`),
		send("of requests, an error in the second", "POST", "/v1/books:import", `[{"validateOnly":true},{"validateOnly":7}]`),
		get("of `HttpBody` in the answer", "/v1/downloads/7"),
		send("of `HttpBody` in the request", "POST", "/v1/uploads", "<svg/>").with("Content-Type", "image/svg+xml"),
	}},
	{"gRPC-Web over HTTP/1.1", []question{
		send("binary", "POST", "/comparison.v1.Books/DeleteBook", framed).with("Content-Type", "application/grpc-web+proto"),
		send("text", "POST", "/comparison.v1.Books/DeleteBook", base64.StdEncoding.EncodeToString([]byte(framed))).
			with("Content-Type", "application/grpc-web-text+proto").with("Accept", "application/grpc-web-text+proto"),
		send("an error", "POST", "/comparison.v1.Books/GetBook", strings.Replace(framed, "\x03\x0a\x017", "\x09\x0a\x07missing", 1)).
			with("Content-Type", "application/grpc-web+proto").showing("Grpc-Status", "Grpc-Message"),
		send("a method that is not there", "POST", "/comparison.v1.Books/Burn", framed).with("Content-Type", "application/grpc-web+proto").showing("Grpc-Status", "Grpc-Message"),
	}},
}
