package endcap

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"endcap/clients/go/endcapv1"
)

// BatchAnswer is the answer to one request of a batch.
type BatchAnswer struct {
	// Index is the request's place in the batch, from 0.
	Index int64
	// RequestID is the request's id.
	RequestID string
	// Response is the slate; nil when there is an error.
	Response *endcapv1.RankResponse
	// Err says why there is no slate; nil when there is one.
	Err *Error
}

// BatchRank ranks for many requests, and calls each with every answer, in the order in which they come.
//
// A request that is wrong for the server has an answer with an error, and ends nothing. An error of each itself ends the
// batch, and is returned. The deadline is for the batch as a whole, and BatchTimeout if ctx has none.
func (c *Client) BatchRank(ctx context.Context, requests []*endcapv1.RankRequest, each func(BatchAnswer) error) error {
	ctx, cancel := withDefaultTimeout(ctx, BatchTimeout)
	defer cancel() // which ends the sender, too
	stream, err := c.ranking.BatchRank(ctx)
	if err != nil {
		return fromRPC(err)
	}
	go sendAll(stream, requests)
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fromRPC(err)
		}
		if err := each(batchAnswer(message)); err != nil {
			return err
		}
	}
}

// sendAll stops when the stream is broken; Recv tells why.
func sendAll(stream endcapv1.RankingService_BatchRankClient, requests []*endcapv1.RankRequest) {
	for _, request := range requests {
		if stream.Send(&endcapv1.BatchRankRequest{Request: request}) != nil {
			return
		}
	}
	_ = stream.CloseSend()
}

func batchAnswer(message *endcapv1.BatchRankResponse) BatchAnswer {
	answer := BatchAnswer{Index: message.Index, RequestID: message.RequestId}
	switch outcome := message.Outcome.(type) {
	case *endcapv1.BatchRankResponse_Response:
		answer.Response = outcome.Response
	case *endcapv1.BatchRankResponse_Error:
		answer.Err = fromCallError(outcome.Error)
	default:
		missing := status.New(codes.Internal, "the answer is neither a slate nor an error")
		answer.Err = &Error{Code: missing.Code(), Message: missing.Message(), status: missing}
	}
	return answer
}
