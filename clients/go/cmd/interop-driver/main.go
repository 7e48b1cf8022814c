// Command interop-driver is the interop tests' driver: a JSON object a line on stdin asks for calls, one on stdout
// answers; see tests/interop.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"endcap/clients/go/endcap"
	"endcap/clients/go/endcapv1"
)

type channelSpec struct {
	Target string `json:"target"`
	TLS    *struct {
		CA         string `json:"ca"`
		Cert       string `json:"cert"`
		Key        string `json:"key"`
		ServerName string `json:"server_name"`
	} `json:"tls"`
}

type question struct {
	ID        string            `json:"id"`
	Channel   channelSpec       `json:"channel"`
	Method    string            `json:"method"`
	Requests  []json.RawMessage `json:"requests"`
	TimeoutMS float64           `json:"timeout_ms"`
}

type answer struct {
	ID        string            `json:"id"`
	Code      string            `json:"code"`
	Message   string            `json:"message"`
	Reason    string            `json:"reason"`
	Domain    string            `json:"domain"`
	Metadata  map[string]string `json:"metadata"`
	Fields    map[string]string `json:"fields"`
	RetryMS   *float64          `json:"retry_ms"`
	Responses []json.RawMessage `json:"responses"`
	ElapsedMS float64           `json:"elapsed_ms"`
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	clients := map[string]*endcap.Client{}
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		fatal(err)
		var asked question
		fatal(json.Unmarshal(line, &asked))
		fatal(answers.Encode(answerTo(clientOf(clients, asked.Channel), asked)))
	}
}

// fatal ends the driver: what it cannot understand is a mistake of the harness.
func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func clientOf(clients map[string]*endcap.Client, channel channelSpec) *endcap.Client {
	key, err := json.Marshal(channel)
	fatal(err)
	client, known := clients[string(key)]
	if !known {
		client = dial(channel)
		clients[string(key)] = client
	}
	return client
}

func dial(channel channelSpec) *endcap.Client {
	var options []endcap.Option
	if tls := channel.TLS; tls != nil {
		files := endcap.TLSFiles{CA: tls.CA, Cert: tls.Cert, Key: tls.Key, ServerName: tls.ServerName}
		options = append(options, endcap.WithTLS(files))
	}
	client, err := endcap.Dial(channel.Target, options...)
	fatal(err)
	return client
}

func answerTo(client *endcap.Client, asked question) answer {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(asked.TimeoutMS*float64(time.Millisecond)))
	defer cancel()
	started := time.Now()
	responses, err := call(ctx, client, asked)
	result := outcome(err)
	result.ElapsedMS = float64(time.Since(started)) / float64(time.Millisecond)
	result.ID = asked.ID
	result.Responses = responses
	return result
}

func outcome(err error) answer {
	failure := &endcap.Error{}
	if err != nil && !errors.As(err, &failure) {
		fatal(err)
	}
	result := answer{
		Code:     code.Code(failure.Code).String(),
		Message:  failure.Message,
		Reason:   failure.Reason,
		Domain:   failure.Domain,
		Metadata: nonNil(failure.Metadata),
		Fields:   nonNil(failure.Fields),
	}
	if failure.RetryDelay != nil {
		delay := float64(*failure.RetryDelay) / float64(time.Millisecond)
		result.RetryMS = &delay
	}
	return result
}

func call(ctx context.Context, client *endcap.Client, asked question) ([]json.RawMessage, error) {
	switch asked.Method {
	case "Rank":
		request := &endcapv1.RankRequest{}
		read(asked.Requests[0], request)
		return one(client.Rank(ctx, request))
	case "BatchRank":
		return batch(ctx, client, asked.Requests)
	case "ListStrategies":
		return one(client.ListStrategies(ctx))
	case "GetServingState":
		return one(client.GetServingState(ctx))
	}
	return nil, fmt.Errorf("no method %s; there are Rank, BatchRank, ListStrategies, GetServingState", asked.Method)
}

func one[M proto.Message](response M, err error) ([]json.RawMessage, error) {
	if err != nil {
		return []json.RawMessage{}, err
	}
	return []json.RawMessage{written(response)}, nil
}

func batch(ctx context.Context, client *endcap.Client, requests []json.RawMessage) ([]json.RawMessage, error) {
	var wanted []*endcapv1.RankRequest
	for _, request := range requests {
		message := &endcapv1.BatchRankRequest{}
		read(request, message)
		wanted = append(wanted, message.Request)
	}
	responses := []json.RawMessage{}
	err := client.BatchRank(ctx, wanted, func(each endcap.BatchAnswer) error {
		responses = append(responses, written(message(each)))
		return nil
	})
	return responses, err
}

// message is what the client made of a message of the stream, as that message again.
func message(each endcap.BatchAnswer) *endcapv1.BatchRankResponse {
	response := &endcapv1.BatchRankResponse{Index: each.Index, RequestId: each.RequestID}
	if each.Err == nil {
		response.Outcome = &endcapv1.BatchRankResponse_Response{Response: each.Response}
		return response
	}
	failed := &endcapv1.CallError{Code: int32(each.Err.Code), Message: each.Err.Message, Reason: each.Err.Reason}
	for field, description := range each.Err.Fields {
		failed.Violations = append(failed.Violations, &endcapv1.FieldViolation{Field: field, Description: description})
	}
	if each.Err.RetryDelay != nil {
		failed.RetryDelay = durationpb.New(*each.Err.RetryDelay)
	}
	response.Outcome = &endcapv1.BatchRankResponse_Error{Error: failed}
	return response
}

func read(raw json.RawMessage, into proto.Message) {
	fatal(protojson.Unmarshal(raw, into))
}

func written(message proto.Message) json.RawMessage {
	raw, err := protojson.Marshal(message)
	fatal(err)
	return raw
}

func nonNil(texts map[string]string) map[string]string {
	if texts == nil {
		return map[string]string{}
	}
	return texts
}
