package endcap

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"endcap/clients/go/endcapv1"
)

// DefaultTarget is where a server listens unless told otherwise.
const DefaultTarget = "localhost:50051"

// serviceConfig is the retry and load-balancing policy, which clients in all languages share.
//
//go:embed service_config.json
var serviceConfig string

// A quiet connection with calls on it is asked this often whether it still stands. Servers must allow it.
const (
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
)

// TLSFiles names the PEM files of TLS by path. All are optional: with none, the system's authorities are trusted.
type TLSFiles struct {
	// CA holds the authorities to trust instead of the system's.
	CA string
	// Cert is the client's certificate chain and Key its private key, where the server asks for them (mTLS).
	Cert, Key string
	// ServerName is the name that the server's certificate must bear, where it is not the one in the target.
	ServerName string
}

// Option changes how a Client works.
type Option func(*options)

type options struct {
	timeout time.Duration
	tls     *TLSFiles
	dial    []grpc.DialOption
}

// WithTimeout sets the deadline of calls whose context has none, BatchRank apart. The default is DefaultTimeout.
func WithTimeout(timeout time.Duration) Option {
	return func(o *options) { o.timeout = timeout }
}

// WithTLS turns TLS on.
func WithTLS(files TLSFiles) Option {
	return func(o *options) { o.tls = &files }
}

// WithDialOptions adds options of grpc, which win over the client's own.
func WithDialOptions(more ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, more...) }
}

// Dial makes a client. It does not wait for a connection: a server that is not there is an error of the calls.
//
// The target is "host:port", or "dns:///name:port" for all the addresses behind a name, taken in turn.
func Dial(target string, opts ...Option) (*Client, error) {
	chosen := options{timeout: DefaultTimeout}
	for _, opt := range opts {
		opt(&chosen)
	}
	security, err := transportSecurity(chosen.tls)
	if err != nil {
		return nil, err
	}
	warnWithoutRetries()
	conn, err := grpc.Dial(withScheme(target), append(append(dialOptions(), security), chosen.dial...)...)
	if err != nil {
		return nil, fmt.Errorf("endcap: cannot use target %q: %w", target, err)
	}
	return &Client{
		conn:    conn,
		ranking: endcapv1.NewRankingServiceClient(conn),
		admin:   endcapv1.NewAdminServiceClient(conn),
		timeout: chosen.timeout,
	}, nil
}

func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultServiceConfig(serviceConfig),
		// A service config in DNS would silently replace the one above; clients in other languages do not look there.
		grpc.WithDisableServiceConfig(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithConnectParams(connectParams()),
		grpc.WithChainUnaryInterceptor(onceConnected),
	}
}

// withScheme has names resolved to all of their addresses, as in other languages; grpc.Dial's own default takes one.
func withScheme(target string) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "unix:") {
		return target
	}
	return "dns:///" + target
}

func transportSecurity(files *TLSFiles) (grpc.DialOption, error) {
	if files == nil {
		return grpc.WithInsecure(), nil
	}
	config, err := tlsConfig(*files)
	if err != nil {
		return nil, fmt.Errorf("endcap: cannot set up TLS: %w", err)
	}
	return grpc.WithTransportCredentials(credentials.NewTLS(config)), nil
}

func tlsConfig(files TLSFiles) (*tls.Config, error) {
	config := &tls.Config{ServerName: files.ServerName, MinVersion: tls.VersionTLS12}
	if files.CA != "" {
		roots, err := readRoots(files.CA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = roots
	}
	if files.Cert == "" && files.Key == "" {
		return config, nil
	}
	if files.Cert == "" || files.Key == "" {
		return nil, errors.New("found one of Cert and Key alone; mTLS takes both, TLS neither")
	}
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	config.Certificates = []tls.Certificate{pair}
	return config, err
}

func readRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("found no certificate in %s, which should hold authorities as PEM", path)
	}
	return roots, nil
}
