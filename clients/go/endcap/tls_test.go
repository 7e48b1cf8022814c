package endcap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	"endcap/clients/go/endcapv1"
)

// authority vouches for certificates, which it writes into a folder of the test.
type authority struct {
	t           *testing.T
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, folder: t.TempDir()}
	a.certificate, a.key = a.issue("ca", x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes NAME.pem and NAME.key. The first certificate is the authority's own.
func (a *authority) issue(name string, template x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	template.BasicConstraintsValid = true
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = &template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	a.must(err)
	secret, err := x509.MarshalECPrivateKey(key)
	a.must(err)
	a.write(name+".pem", "CERTIFICATE", raw)
	a.write(name+".key", "EC PRIVATE KEY", secret)
	certificate, err := x509.ParseCertificate(raw)
	a.must(err)
	return certificate, key
}

func (a *authority) write(name, kind string, raw []byte) {
	a.must(os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600))
}

func (a *authority) path(name string) string {
	return filepath.Join(a.folder, name)
}

func (a *authority) must(err error) {
	if err != nil {
		a.t.Fatal(err)
	}
}

// rankWith calls a server with TLS, which asks for the client's certificate if mutual.
func (a *authority) rankWith(mutual bool, options ...Option) error {
	pair, err := tls.LoadX509KeyPair(a.path("server.pem"), a.path("server.key"))
	a.must(err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if mutual {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		config.ClientCAs.AddCert(a.certificate)
	}
	address := serve(a.t, failing(codes.OK), grpc.Creds(credentials.NewTLS(config)))
	_, err = connect(a.t, address, options...).Rank(context.Background(), &endcapv1.RankRequest{})
	return err
}

func certified(t *testing.T) *authority {
	a := newAuthority(t)
	a.issue("server", x509.Certificate{DNSNames: []string{"localhost"}})
	a.issue("client", x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return a
}

func TestAServerIsBelievedByTheAuthoritysFileAndTheNameInItsCertificate(t *testing.T) {
	a := certified(t)
	if err := a.rankWith(false, WithTLS(TLSFiles{CA: a.path("ca.pem"), ServerName: "localhost"})); err != nil {
		t.Fatal(err)
	}
}

func TestACertificateThatNoTrustedAuthorityVouchesForIsRefused(t *testing.T) {
	a := certified(t)
	expectCode(t, a.rankWith(false, WithTLS(TLSFiles{ServerName: "localhost"})), codes.Unavailable)
}

func TestACertificateOfAnotherNameIsRefused(t *testing.T) {
	a := certified(t)
	files := TLSFiles{CA: a.path("ca.pem"), ServerName: "elsewhere.example"}
	expectCode(t, a.rankWith(false, WithTLS(files)), codes.Unavailable)
}

func TestAClientWithoutTLSCannotTalkToAServerWithIt(t *testing.T) {
	expectCode(t, certified(t).rankWith(false), codes.Unavailable)
}

func TestAClientShowsItsOwnCertificateWhereTheServerAsksForOne(t *testing.T) {
	a := certified(t)
	files := TLSFiles{CA: a.path("ca.pem"), ServerName: "localhost"}
	expectCode(t, a.rankWith(true, WithTLS(files)), codes.Unavailable)
	files.Cert, files.Key = a.path("client.pem"), a.path("client.key")
	if err := a.rankWith(true, WithTLS(files)); err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatCannotServeAreNamed(t *testing.T) {
	a := certified(t)
	for expected, files := range map[string]TLSFiles{
		"nowhere.pem":                   {CA: a.path("nowhere.pem")},
		"no certificate in " + a.folder: {CA: a.path("ca.key")},
		"Cert and Key alone":            {Cert: a.path("client.pem")},
		"private key does not match":    {Cert: a.path("client.pem"), Key: a.path("server.key")},
	} {
		if _, err := Dial("localhost:1", WithTLS(files)); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("got %v, expected it to name %q", err, expected)
		}
	}
}
