package endcap

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"endcap/clients/go/endcapv1"
)

// How long a call may take, retries included, when neither its context nor WithTimeout says so.
const (
	DefaultTimeout = 2 * time.Second
	BatchTimeout   = 60 * time.Second
)

// Client calls a server. Make one and keep it: it holds the connections, and is safe for concurrent use.
type Client struct {
	conn    *grpc.ClientConn
	ranking endcapv1.RankingServiceClient
	admin   endcapv1.AdminServiceClient
	timeout time.Duration
}

// Rank returns the slate for a request.
func (c *Client) Rank(ctx context.Context, request *endcapv1.RankRequest) (*endcapv1.RankResponse, error) {
	ctx, cancel := withDefaultTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.ranking.Rank(ctx, request)
	return response, fromRPC(err)
}

// ListStrategies returns the strategies that a request can name.
func (c *Client) ListStrategies(ctx context.Context) (*endcapv1.ListStrategiesResponse, error) {
	ctx, cancel := withDefaultTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.admin.ListStrategies(ctx, &endcapv1.ListStrategiesRequest{})
	return response, fromRPC(err)
}

// GetServingState returns what the server has loaded and how it is.
func (c *Client) GetServingState(ctx context.Context) (*endcapv1.GetServingStateResponse, error) {
	ctx, cancel := withDefaultTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.admin.GetServingState(ctx, &endcapv1.GetServingStateRequest{})
	return response, fromRPC(err)
}

// Close closes the connections. Calls that are under way are cancelled.
func (c *Client) Close() error {
	return c.conn.Close()
}

// withDefaultTimeout keeps a deadline that the caller set, even a later one.
func withDefaultTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, set := ctx.Deadline(); set {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}
