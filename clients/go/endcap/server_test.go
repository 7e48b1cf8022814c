package endcap

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"endcap/clients/go/endcapv1"
)

// scripted is a server in the test's own process. What a test leaves nil answers UNIMPLEMENTED.
type scripted struct {
	endcapv1.UnimplementedRankingServiceServer
	endcapv1.UnimplementedAdminServiceServer
	rank      func(ctx context.Context, call int, request *endcapv1.RankRequest) (*endcapv1.RankResponse, error)
	batchRank func(stream endcapv1.RankingService_BatchRankServer) error

	mutex sync.Mutex
	calls int
}

func (s *scripted) Rank(ctx context.Context, request *endcapv1.RankRequest) (*endcapv1.RankResponse, error) {
	s.mutex.Lock()
	s.calls++
	call := s.calls
	s.mutex.Unlock()
	return s.rank(ctx, call, request)
}

func (s *scripted) BatchRank(stream endcapv1.RankingService_BatchRankServer) error {
	return s.batchRank(stream)
}

func (s *scripted) ListStrategies(
	context.Context, *endcapv1.ListStrategiesRequest,
) (*endcapv1.ListStrategiesResponse, error) {
	return &endcapv1.ListStrategiesResponse{Strategies: []*endcapv1.Strategy{{Name: "als"}}}, nil
}

func (s *scripted) GetServingState(
	context.Context, *endcapv1.GetServingStateRequest,
) (*endcapv1.GetServingStateResponse, error) {
	return &endcapv1.GetServingStateResponse{ServerVersion: "0.1.0"}, nil
}

func (s *scripted) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.calls
}

// serve runs the server on a free port of loopback until the test ends, and returns its address.
func serve(t *testing.T, server *scripted, options ...grpc.ServerOption) string {
	t.Helper()
	listener := listen(t, "127.0.0.1:0")
	serveOn(t, listener, server, options...)
	return listener.Addr().String()
}

func serveOn(t *testing.T, listener net.Listener, server *scripted, options ...grpc.ServerOption) {
	running := grpc.NewServer(options...)
	endcapv1.RegisterRankingServiceServer(running, server)
	endcapv1.RegisterAdminServiceServer(running, server)
	go func() { _ = running.Serve(listener) }()
	t.Cleanup(running.Stop)
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// connect makes a client that is closed when the test ends.
func connect(t *testing.T, target string, options ...Option) *Client {
	t.Helper()
	client, err := Dial(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
