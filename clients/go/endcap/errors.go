package endcap

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"endcap/clients/go/endcapv1"
)

// Error is a call that failed.
type Error struct {
	// Code is the gRPC status code.
	Code codes.Code
	// Message says what was wrong, for people.
	Message string
	// Reason says it for programs: an UPPER_SNAKE word such as UNKNOWN_STRATEGY; empty when the server gave none.
	Reason string
	// Domain is whose word Reason is: "endcap"; empty when the server gave none.
	Domain string
	// Metadata says more about Reason.
	Metadata map[string]string
	// Fields holds the request fields at fault, as "override.recall[0].limit", and what is wrong with each.
	Fields map[string]string
	// RetryDelay is how long to wait before trying again; nil when the server does not say.
	RetryDelay *time.Duration

	status *status.Status
}

// Error names the code, the reason, the message and the fields that the message leaves out.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.Code, e.Message)
	if e.Reason != "" {
		text = fmt.Sprintf("%s (%s): %s", e.Code, e.Reason, e.Message)
	}
	for _, field := range sortedKeys(e.Fields) {
		if !strings.Contains(e.Message, e.Fields[field]) {
			text += fmt.Sprintf("; %s: %s", field, e.Fields[field])
		}
	}
	return text
}

// Temporary says whether trying again may help: the server is away, has too much to do, or did not answer in time.
func (e *Error) Temporary() bool {
	return e.Code == codes.ResourceExhausted || e.Code == codes.Unavailable || e.Code == codes.DeadlineExceeded
}

// Is lets errors.Is find context.DeadlineExceeded and context.Canceled, by the code.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded ||
		target == context.Canceled && e.Code == codes.Canceled
}

// GRPCStatus is what status.FromError and status.Code look for.
func (e *Error) GRPCStatus() *status.Status {
	return e.status
}

// fromRPC translates what a grpc call returns.
func fromRPC(err error) error {
	if err == nil {
		return nil
	}
	found := status.Convert(err)
	failure := &Error{Code: found.Code(), Message: found.Message(), status: found}
	for _, detail := range found.Details() { // one that cannot be read is an error here, and counts as none
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			failure.Reason, failure.Domain, failure.Metadata = detail.Reason, detail.Domain, detail.Metadata
		case *errdetails.BadRequest:
			failure.Fields = byField(detail.FieldViolations)
		case *errdetails.RetryInfo:
			failure.RetryDelay = delayOf(detail.RetryDelay)
		}
	}
	return failure
}

// fromCallError translates the error of one call inside a stream.
func fromCallError(failed *endcapv1.CallError) *Error {
	code := codes.Code(failed.Code)
	return &Error{
		Code:       code,
		Message:    failed.Message,
		Reason:     failed.Reason,
		Fields:     byField(failed.Violations),
		RetryDelay: delayOf(failed.RetryDelay),
		status:     status.New(code, failed.Message),
	}
}

func byField[V interface {
	GetField() string
	GetDescription() string
}](violations []V) map[string]string {
	fields := make(map[string]string, len(violations))
	for _, violation := range violations {
		fields[violation.GetField()] = violation.GetDescription()
	}
	return fields
}

func delayOf(given *durationpb.Duration) *time.Duration {
	if given == nil {
		return nil
	}
	delay := given.AsDuration()
	return &delay
}

func sortedKeys(texts map[string]string) []string {
	keys := make([]string, 0, len(texts))
	for key := range texts {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
