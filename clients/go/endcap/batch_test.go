package endcap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"endcap/clients/go/endcapv1"
)

// answerEach answers each request by a slate, or by an error where its page_size is 999.
func answerEach(stream endcapv1.RankingService_BatchRankServer) error {
	for index := int64(0); ; index++ {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &endcapv1.BatchRankResponse{Index: index, RequestId: message.Request.RequestId}
		answer.Outcome = &endcapv1.BatchRankResponse_Response{Response: &endcapv1.RankResponse{Strategy: "als"}}
		if message.Request.PageSize == 999 {
			answer.Outcome = &endcapv1.BatchRankResponse_Error{Error: &endcapv1.CallError{
				Code:       int32(codes.InvalidArgument),
				Message:    "no",
				Reason:     "BAD",
				Violations: []*endcapv1.FieldViolation{{Field: "page_size", Description: "is 999"}},
				RetryDelay: durationpb.New(2 * time.Second),
			}}
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

func collect(t *testing.T, client *Client, requests ...*endcapv1.RankRequest) ([]BatchAnswer, error) {
	t.Helper()
	var answers []BatchAnswer
	err := client.BatchRank(context.Background(), requests, func(answer BatchAnswer) error {
		answers = append(answers, answer)
		return nil
	})
	return answers, err
}

func TestEachRequestOfABatchHasASlateOrAnErrorAndABadOneEndsNothing(t *testing.T) {
	client := connect(t, serve(t, &scripted{batchRank: answerEach}))
	requests := []*endcapv1.RankRequest{{RequestId: "a"}, {PageSize: 999}, {RequestId: "c"}}
	answers, err := collect(t, client, requests...)
	if err != nil || len(answers) != 3 {
		t.Fatalf("got %v and %v", answers, err)
	}
	good, bad, last := answers[0], answers[1], answers[2]
	if good.Err != nil || good.RequestID != "a" || good.Response.Strategy != "als" {
		t.Errorf("the first is %+v", good)
	}
	if bad.Response != nil || bad.Err.Reason != "BAD" || bad.Err.Fields["page_size"] != "is 999" ||
		*bad.Err.RetryDelay != 2*time.Second {
		t.Errorf("the second is %+v", bad)
	}
	if last.Index != 2 || last.RequestID != "c" || last.Err != nil {
		t.Errorf("the last is %+v", last)
	}
}

func TestABatchOfThousandsIsSentWhileItsAnswersComeBack(t *testing.T) {
	requests := make([]*endcapv1.RankRequest, 3000)
	for n := range requests {
		requests[n] = &endcapv1.RankRequest{RequestId: fmt.Sprint(n)}
	}
	answers, err := collect(t, connect(t, serve(t, &scripted{batchRank: answerEach})), requests...)
	if err != nil || len(answers) != 3000 || answers[2999].RequestID != "2999" {
		t.Fatalf("got %d answers and %v", len(answers), err)
	}
}

func TestABatchThatItsReaderLeavesIsCancelled(t *testing.T) {
	ended := make(chan error, 1)
	waitForEnd := func(stream endcapv1.RankingService_BatchRankServer) error {
		if err := stream.Send(&endcapv1.BatchRankResponse{}); err != nil {
			return err
		}
		<-stream.Context().Done()
		ended <- stream.Context().Err()
		return nil
	}
	client, enough := connect(t, serve(t, &scripted{batchRank: waitForEnd})), errors.New("enough")
	err := client.BatchRank(context.Background(), nil, func(BatchAnswer) error { return enough })
	if !errors.Is(err, enough) {
		t.Fatalf("got %v", err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the server saw %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the server was not told")
	}
}

func TestAnAnswerThatIsNeitherASlateNorAnErrorIsAnError(t *testing.T) {
	empty := func(stream endcapv1.RankingService_BatchRankServer) error {
		return stream.Send(&endcapv1.BatchRankResponse{})
	}
	answers, err := collect(t, connect(t, serve(t, &scripted{batchRank: empty})))
	if err != nil || len(answers) != 1 || answers[0].Err.Code != codes.Internal {
		t.Fatalf("got %v and %v", answers, err)
	}
}

func TestABatchEndsWithItsDeadline(t *testing.T) {
	silent := func(stream endcapv1.RankingService_BatchRankServer) error {
		<-stream.Context().Done()
		return nil
	}
	client := connect(t, serve(t, &scripted{batchRank: silent}))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := client.BatchRank(ctx, []*endcapv1.RankRequest{{}}, func(BatchAnswer) error { return nil })
	expectCode(t, err, codes.DeadlineExceeded)
}
