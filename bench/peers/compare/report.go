package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const preface = `# What four transcoders answer

Made by ` + "`make compare-edge`" + `: one gRPC server (` + "`bench/peers/compare`" + `) behind Postern's edge, grpc-gateway, Envoy and Vanguard, each with its defaults, and the same
requests over HTTP/1.1 to all. Envoy alone is told one thing more: to give errors as JSON (` + "`convert_grpc_status`" + `). The versions are those in ` + "`bench/peers/go.mod`" + ` and
` + "`bench/peers/compare/envoy.txt`" + `.

A cell has the headers that matter, the type, and the body; ⏎ is the end of a line. The methods say in ` + "`call`" + ` what they got. ` + "`…`" + ` stands where more follows.
Two answers of Vanguard change from run to run: of two members of a oneof it takes either, and a deadline is 503 or 504.
`

// report asks everybody everything, and is a Markdown page: a table of the status codes, then each answer.
func report(proxies []proxy, upstream *upstream) string {
	var overview, details strings.Builder
	for _, section := range sections {
		fmt.Fprintf(&overview, "| **%s** |%s\n", section.title, strings.Repeat(" |", len(proxies)))
		fmt.Fprintf(&details, "\n## %s\n", section.title)
		for _, question := range section.questions {
			fmt.Fprintf(&overview, "| %s |", question.title)
			fmt.Fprintf(&details, "\n%s\n\n%s\n\n| | | |\n|---|---|---|\n", heading(question), question.line())
			for _, proxy := range proxies {
				answer := proxy.answer(question, upstream)
				fmt.Fprintf(&overview, " %s |", answer.status)
				fmt.Fprintf(&details, "| %s | %s | %s |\n", proxy.name, answer.status, answer.text)
			}
			overview.WriteString("\n")
		}
	}
	var names strings.Builder
	for _, proxy := range proxies {
		fmt.Fprintf(&names, " %s |", proxy.name)
	}
	return fmt.Sprintf("%s\n| |%s\n|---|%s\n%s%s", preface, names.String(), strings.Repeat("---|", len(proxies)), overview.String(), details.String())
}

func heading(question question) string { return "### " + question.title }

// line is the request as one reads it.
func (q question) line() string {
	line := "    " + q.method + " " + q.target
	for _, name := range []string{"Content-Type", "Content-Encoding", "Accept", "Accept-Encoding", "If-None-Match", "Authorization", "X-Custom", "X-Server-Timeout", "Grpc-Timeout"} {
		if value := q.headers.Get(name); value != "" && (name != "Content-Type" || q.body != "" && value != "application/json") {
			line += "  " + strings.ToLower(name) + ": " + value
		}
	}
	if q.headers.Get("Content-Encoding") != "" {
		return line + "  …"
	}
	if body := clean(strings.ReplaceAll(strings.TrimSpace(q.body), "\n", "⏎")); body != "" {
		line += "  " + strings.ReplaceAll(body, `\|`, "|")
	}
	return line
}

// changes says where the edge's answers differ between two reports.
func changes(before, after string) []string {
	old := edgeAnswers(before)
	now := edgeAnswers(after)
	var changes []string
	for _, title := range slices.Sorted(maps.Keys(now)) {
		if was, is := old[title], now[title]; was != is {
			changes = append(changes, fmt.Sprintf("%s\n  was %s\n  is  %s", title, was, is))
		}
	}
	return changes
}

// edgeAnswers are the edge's lines, by the title they stand under.
func edgeAnswers(report string) map[string]string {
	answers := map[string]string{}
	title := ""
	for line := range strings.Lines(report) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### "); ok {
			title = name
		} else if answer, ok := strings.CutPrefix(line, "| "+edgeName+" | "); ok && title != "" {
			answers[title] = strings.TrimSuffix(answer, " |")
		}
	}
	return answers
}
