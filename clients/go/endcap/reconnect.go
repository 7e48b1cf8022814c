package endcap

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

const (
	// reconnectDelay is how soon to connect again after a failure, at first. gRPC's own second is longer than all tries
	// of a call together.
	reconnectDelay = 100 * time.Millisecond
	// connectTimeout is how long one attempt may take: gRPC's own.
	connectTimeout = 20 * time.Second
	// connectionWait is how long a call waits for a connection: as long as its tries may last where there is one.
	connectionWait = 350 * time.Millisecond
)

func connectParams() grpc.ConnectParams {
	waits := backoff.DefaultConfig
	waits.BaseDelay = reconnectDelay
	return grpc.ConnectParams{Backoff: waits, MinConnectTimeout: connectTimeout}
}

// onceConnected makes a call again that found no connection, when there is one. grpc-go 1.33 tries again what a server
// fails, but ends such a call at once.
func onceConnected(
	ctx context.Context, method string, request, response interface{}, conn *grpc.ClientConn, call grpc.UnaryInvoker,
	options ...grpc.CallOption,
) error {
	err := call(ctx, method, request, response, conn, options...)
	if status.Code(err) != codes.Unavailable || conn.GetState() != connectivity.TransientFailure {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, connectionWait)
	defer cancel()
	if !conn.WaitForStateChange(waiting, connectivity.TransientFailure) {
		return err
	}
	return call(ctx, method, request, response, conn, options...)
}
