package endcap

import (
	"context"
	"reflect"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"endcap/clients/go/endcapv1"
)

// rankError is what a call returns when the server answers so.
func rankError(t *testing.T, answer error) error {
	t.Helper()
	rank := func(context.Context, int, *endcapv1.RankRequest) (*endcapv1.RankResponse, error) { return nil, answer }
	_, err := connect(t, serve(t, &scripted{rank: rank})).Rank(context.Background(), &endcapv1.RankRequest{})
	return err
}

func TestAnErrorCarriesAllThatTheServerSays(t *testing.T) {
	detailed, err := status.New(codes.InvalidArgument, "it is 999").WithDetails(
		&errdetails.ErrorInfo{Reason: "FIELD_OUT_OF_LIMITS", Domain: "endcap", Metadata: map[string]string{"limit": "200"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "page_size", Description: "expected 0 to 200"},
		}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
	)
	if err != nil {
		t.Fatal(err)
	}
	failed := rankError(t, detailed.Err())
	found := expectCode(t, failed, codes.InvalidArgument)
	delay := 1500 * time.Millisecond
	expected := Error{
		Code:       codes.InvalidArgument,
		Message:    "it is 999",
		Reason:     "FIELD_OUT_OF_LIMITS",
		Domain:     "endcap",
		Metadata:   map[string]string{"limit": "200"},
		Fields:     map[string]string{"page_size": "expected 0 to 200"},
		RetryDelay: &delay,
		status:     found.status,
	}
	if !reflect.DeepEqual(*found, expected) {
		t.Errorf("found %+v, expected %+v", *found, expected)
	}
	if text := "InvalidArgument (FIELD_OUT_OF_LIMITS): it is 999; page_size: expected 0 to 200"; found.Error() != text {
		t.Errorf("found %q, expected %q", found.Error(), text)
	}
	if status.Code(failed) != codes.InvalidArgument {
		t.Errorf("grpc reads it as %s", status.Code(failed))
	}
}

func TestAnErrorOfAServerThatSaysNothingMoreHasEmptyDetails(t *testing.T) {
	found := expectCode(t, rankError(t, status.Error(codes.NotFound, "no")), codes.NotFound)
	if found.Reason != "" || found.Domain != "" || len(found.Fields) != 0 || found.RetryDelay != nil {
		t.Fatalf("found %+v", *found)
	}
}

func TestDetailsThatCannotBeReadCountAsNone(t *testing.T) {
	broken := &anypb.Any{TypeUrl: "type.googleapis.com/google.rpc.ErrorInfo", Value: []byte("no message")}
	answer := &rpcstatus.Status{Code: int32(codes.NotFound), Message: "no", Details: []*anypb.Any{broken}}
	found := expectCode(t, rankError(t, status.ErrorProto(answer)), codes.NotFound)
	if found.Message != "no" || found.Reason != "" {
		t.Fatalf("found %+v", *found)
	}
}
