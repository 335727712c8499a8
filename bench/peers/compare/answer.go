package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// answer is what a proxy said, as two cells of a table.
type answer struct{ status, text string }

// As it is sent, so it is answered: nothing is decompressed or followed on the way.
var client = http.Client{
	Timeout:       10 * time.Second,
	Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (p proxy) answer(question question, upstream *upstream) answer {
	request, err := http.NewRequest(question.method, p.url+question.target, strings.NewReader(question.body))
	if err != nil {
		panic(err) // the question is none
	}
	if question.headers != nil {
		request.Header = question.headers
	}
	begin := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return answer{"–", "no answer"}
	}
	defer response.Body.Close()
	if question.leaves {
		return answer{fmt.Sprint(response.StatusCode), leave(response, upstream)}
	}
	var notes []string
	if question.early {
		notes = append(notes, map[bool]string{true: "head at once", false: "head with the first message"}[time.Since(begin) < silence/2])
	}
	for _, name := range question.show {
		if values := response.Header.Values(name); len(values) > 0 {
			notes = append(notes, fmt.Sprintf("`%s: %s`", strings.ToLower(name), list(values)))
		}
	}
	body, err := io.ReadAll(response.Body)
	if kind := response.Header.Get("Content-Type"); kind != "" && len(body) > 0 {
		notes = append(notes, kind)
	}
	if text := printable(response, body); text != "" && !question.headersOnly {
		notes = append(notes, "`"+text+"`")
	}
	if err != nil {
		notes = append(notes, "then the connection breaks")
	}
	return answer{fmt.Sprint(response.StatusCode), strings.Join(notes, "; ")}
}

// list is a header's values as one list, in an order that is always the same.
func list(values []string) string {
	items := regexp.MustCompile(`, *`).Split(strings.Join(values, ","), -1)
	slices.Sort(items)
	return strings.Join(items, ", ")
}

// leave goes away after the first bytes, and says whether the server heard of it before its patience ended.
func leave(response *http.Response, upstream *upstream) string {
	before := upstream.abandoned.Load()
	if count, _ := response.Body.Read(make([]byte, 1)); count == 0 || response.StatusCode != http.StatusOK {
		return "no stream"
	}
	response.Body.Close()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if upstream.abandoned.Load() > before {
			return "the server is told"
		}
	}
	return "the server is not told"
}

// The longest body that is shown, in characters.
const shown = 700

// What differs from one run to the next.
var (
	// protojson of Go puts in other spaces with every build, so that nobody relies on its errors.
	goErrors  = regexp.MustCompile(`proto:[ \x{a0}]+`)
	addresses = regexp.MustCompile(`127\.0\.0\.1:\d+`)
)

// printable is a body as one line of Markdown code.
func printable(response *http.Response, body []byte) string {
	kind := response.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "application/grpc-web") {
		return frames(body, strings.HasPrefix(kind, "application/grpc-web-text"))
	}
	var lines []string
	for line := range strings.Lines(string(body)) {
		lines = append(lines, compact(strings.TrimRight(line, "\r\n")))
	}
	return clean(strings.Join(lines, "⏎"))
}

func compact(line string) string {
	var out bytes.Buffer
	if json.Compact(&out, []byte(line)) != nil {
		return line
	}
	return out.String()
}

func clean(text string) string {
	text = addresses.ReplaceAllString(goErrors.ReplaceAllString(text, "proto: "), "SERVER")
	text = strings.NewReplacer("|", `\|`, "`", "'").Replace(text)
	text = strings.Map(func(char rune) rune {
		if !unicode.IsPrint(char) {
			return '·'
		}
		return char
	}, text)
	if characters := []rune(text); len(characters) > shown {
		return string(characters[:shown]) + "…"
	}
	return text
}

// frames says what gRPC-Web's frames hold: messages by their size, trailers as they are.
func frames(body []byte, text bool) string {
	if text {
		decoded, err := base64.StdEncoding.DecodeString(string(body))
		if err != nil {
			return "base64 in pieces"
		}
		body = decoded
	}
	var said []string
	for len(body) >= 5 {
		length := min(int(binary.BigEndian.Uint32(body[1:5])), len(body)-5)
		if payload := string(body[5 : 5+length]); body[0]&0x80 != 0 {
			said = append(said, clean(strings.TrimSpace(strings.ReplaceAll(payload, "\r\n", "⏎"))))
		} else {
			said = append(said, fmt.Sprintf("a message of %d bytes", length))
		}
		body = body[5+length:]
	}
	return strings.Join(said, "; ")
}
