package endcap

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"endcap/clients/go/endcapv1"
)

// failing answers with these codes, one a call, the last one from then on.
func failing(script ...codes.Code) *scripted {
	answer := func(_ context.Context, call int, request *endcapv1.RankRequest) (*endcapv1.RankResponse, error) {
		if call > len(script) {
			call = len(script)
		}
		if code := script[call-1]; code != codes.OK {
			return nil, status.Error(code, code.String())
		}
		return &endcapv1.RankResponse{RequestId: request.RequestId}, nil
	}
	return &scripted{rank: answer}
}

func needRetries(t *testing.T) {
	t.Helper()
	if !RetriesOn() {
		t.Skipf("grpc-go %s needs %s=on to retry; check.sh sets it", grpc.Version, retryVariable)
	}
}

func expectCode(t *testing.T, err error, code codes.Code) *Error {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) || failure.Code != code {
		t.Fatalf("found %v, expected %s", err, code)
	}
	return failure
}

func TestARequestIsSentAsItWasGivenAndItsSlateComesBack(t *testing.T) {
	var seen *endcapv1.RankRequest
	answer := func(_ context.Context, _ int, request *endcapv1.RankRequest) (*endcapv1.RankResponse, error) {
		seen = request
		return &endcapv1.RankResponse{Items: []*endcapv1.RankedItem{{ItemId: "i1", Title: "Tea"}}}, nil
	}
	client := connect(t, serve(t, &scripted{rank: answer}))
	slate, err := client.Rank(context.Background(), &endcapv1.RankRequest{UserId: "u1"})
	if err != nil || seen.UserId != "u1" || len(slate.Items) != 1 || slate.Items[0].Title != "Tea" {
		t.Fatalf("sent %v, got %v and %v", seen, slate, err)
	}
}

func TestWhatAServerThatIsAwayFailsIsTriedAgainUntilItAnswers(t *testing.T) {
	needRetries(t)
	server := failing(codes.Unavailable, codes.ResourceExhausted, codes.OK)
	client := connect(t, serve(t, server))
	slate, err := client.Rank(context.Background(), &endcapv1.RankRequest{RequestId: "r"})
	if err != nil || slate.RequestId != "r" || server.count() != 3 {
		t.Fatalf("got %v and %v after %d calls, expected r after 3", slate, err, server.count())
	}
}

func TestACallIsTriedFourTimesAndNoMore(t *testing.T) {
	needRetries(t)
	server := failing(codes.Unavailable)
	_, err := connect(t, serve(t, server)).Rank(context.Background(), &endcapv1.RankRequest{})
	if failure := expectCode(t, err, codes.Unavailable); !failure.Temporary() || server.count() != 4 {
		t.Fatalf("temporary is %t after %d calls, expected true after 4", failure.Temporary(), server.count())
	}
}

func TestWhatTryingAgainDoesNotHelpIsTriedOnce(t *testing.T) {
	needRetries(t)
	server := failing(codes.InvalidArgument)
	_, err := connect(t, serve(t, server)).Rank(context.Background(), &endcapv1.RankRequest{})
	if failure := expectCode(t, err, codes.InvalidArgument); failure.Temporary() || server.count() != 1 {
		t.Fatalf("temporary is %t after %d calls, expected false after 1", failure.Temporary(), server.count())
	}
}

func TestAServerThatAsksForPatienceGetsIt(t *testing.T) {
	needRetries(t)
	var first, second time.Time
	answer := func(ctx context.Context, call int, _ *endcapv1.RankRequest) (*endcapv1.RankResponse, error) {
		if call > 1 {
			second = time.Now()
			return &endcapv1.RankResponse{}, nil
		}
		first = time.Now()
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "400"))
		return nil, status.Error(codes.ResourceExhausted, "busy")
	}
	client := connect(t, serve(t, &scripted{rank: answer}))
	_, err := client.Rank(context.Background(), &endcapv1.RankRequest{})
	if waited := second.Sub(first); err != nil || waited < 390*time.Millisecond {
		t.Fatalf("waited %s, with %v", waited, err)
	}
}

func TestACallCarriesTwoSecondsOfDeadlineUnlessItsContextOrTheClientSaysOtherwise(t *testing.T) {
	var left time.Duration
	answer := func(ctx context.Context, _ int, _ *endcapv1.RankRequest) (*endcapv1.RankResponse, error) {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return &endcapv1.RankResponse{}, nil
	}
	address := serve(t, &scripted{rank: answer})
	expect := func(ctx context.Context, client *Client, most time.Duration) {
		t.Helper()
		if _, err := client.Rank(ctx, &endcapv1.RankRequest{}); err != nil || left > most || left < most-time.Second {
			t.Errorf("%s were left, expected %s, with %v", left, most, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	expect(context.Background(), connect(t, address), 2*time.Second)
	expect(context.Background(), connect(t, address, WithTimeout(10*time.Second)), 10*time.Second)
	expect(ctx, connect(t, address), 30*time.Second)
}

func TestACallEndsWithItsDeadline(t *testing.T) {
	answer := func(ctx context.Context, _ int, _ *endcapv1.RankRequest) (*endcapv1.RankResponse, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	client := connect(t, serve(t, &scripted{rank: answer}), WithTimeout(50*time.Millisecond))
	_, err := client.Rank(context.Background(), &endcapv1.RankRequest{})
	expectCode(t, err, codes.DeadlineExceeded)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Fatalf("%v is not context.DeadlineExceeded alone", err)
	}
}

func TestAServerThatIsNotThereIsUnavailableLongBeforeTheDeadline(t *testing.T) {
	client := connect(t, "dns:///127.0.0.1:1", WithTimeout(10*time.Second))
	started := time.Now()
	_, err := client.Rank(context.Background(), &endcapv1.RankRequest{})
	expectCode(t, err, codes.Unavailable)
	if took := time.Since(started); took > 5*time.Second {
		t.Fatalf("took %s", took)
	}
}

func TestACallOutlastsAServerThatTakesItsConnectionAlongWhenItDies(t *testing.T) {
	dying := listen(t, "127.0.0.1:0")
	client := connect(t, dying.Addr().String())
	breakOff(t, dying)
	serveOn(t, listen(t, dying.Addr().String()), failing(codes.OK))
	if slate, err := client.Rank(context.Background(), &endcapv1.RankRequest{RequestId: "r"}); err != nil {
		t.Fatalf("got %v and %v", slate, err)
	}
}

// breakOff takes one connection, ends it, and listens no longer.
func breakOff(t *testing.T, listener net.Listener) {
	t.Helper()
	connection, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_ = connection.Close()
}

func TestCallsGoToAllAddressesInTurn(t *testing.T) {
	one, other := failing(codes.OK), failing(codes.OK)
	addresses := manual.NewBuilderWithScheme("two")
	addresses.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: serve(t, one)}, {Addr: serve(t, other)}}})
	client := connect(t, "two:///", WithDialOptions(grpc.WithResolvers(addresses)))
	for turn := 0; turn < 400 && (one.count() < 4 || other.count() < 4); turn++ {
		if _, err := client.Rank(context.Background(), &endcapv1.RankRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if one.count() < 4 || other.count() < 4 {
		t.Fatalf("%d and %d calls", one.count(), other.count())
	}
}

func TestTheAdministratorsQuestionsAreAnswered(t *testing.T) {
	client := connect(t, serve(t, &scripted{}))
	strategies, err := client.ListStrategies(context.Background())
	if err != nil || strategies.Strategies[0].Name != "als" {
		t.Fatalf("got %v and %v", strategies, err)
	}
	state, err := client.GetServingState(context.Background())
	if err != nil || state.ServerVersion != "0.1.0" {
		t.Fatalf("got %v and %v", state, err)
	}
}

func TestATargetWithoutASchemeIsANameToResolve(t *testing.T) {
	for target, expected := range map[string]string{
		"localhost:50051": "dns:///localhost:50051",
		"dns:///shop:1":   "dns:///shop:1",
		"unix:/run/e":     "unix:/run/e",
	} {
		if found := withScheme(target); found != expected {
			t.Errorf("%s became %s, expected %s", target, found, expected)
		}
	}
}

func TestOldGRPCRetriesWhenToldToAndNewGRPCUnlessToldNotTo(t *testing.T) {
	for _, each := range []struct {
		version, variable string
		expected          bool
	}{
		{"1.33.3", "", false}, {"1.33.3", "on", true}, {"1.40.0", "", true}, {"1.40.0", "off", false}, {"1.70.0", "", true},
	} {
		if retriesOn(each.version, each.variable) != each.expected {
			t.Errorf("%+v is wrong", each)
		}
	}
}

func TestTheServiceConfigIsTheOneThatAllLanguagesShare(t *testing.T) {
	shared, err := os.ReadFile("../../service_config.json")
	if err != nil || strings.TrimSpace(string(shared)) != strings.TrimSpace(serviceConfig) {
		t.Fatalf("run generate.sh: %v", err)
	}
}
