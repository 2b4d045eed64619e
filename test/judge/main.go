// judge says what Go's crypto/x509 and crypto/tls, which Kubernetes and etcd use, think of certificates.
// One JSON question a line on standard input, one JSON verdict a line on standard output, in the same order.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"
)

type question struct {
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
	// Empty: the key is not looked at.
	Key   string `json:"key"`
	Usage string `json:"usage"`
	// A DNS name or an IP address that the certificate must be good for; empty: not looked at.
	Name string `json:"name"`
	// RFC 3339; empty: now.
	At string `json:"at"`
}

type verdict struct {
	OK           bool     `json:"ok"`
	Error        string   `json:"error,omitempty"`
	Serial       string   `json:"serial,omitempty"`
	Subject      string   `json:"subject,omitempty"`
	NotBefore    string   `json:"notBefore,omitempty"`
	NotAfter     string   `json:"notAfter,omitempty"`
	DNSNames     []string `json:"dnsNames,omitempty"`
	IPAddresses  []string `json:"ipAddresses,omitempty"`
	SignedWith   string   `json:"signedWith,omitempty"`
	KeyAlgorithm string   `json:"keyAlgorithm,omitempty"`
	// Each as "<oid> <critical> <value in hex>", in the certificate's order.
	Extensions []string `json:"extensions,omitempty"`
	RawSubject string   `json:"rawSubject,omitempty"`
	RawIssuer  string   `json:"rawIssuer,omitempty"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	decoder := json.NewDecoder(in)
	for decoder.More() {
		var q question
		if err := decoder.Decode(&q); err != nil {
			fmt.Fprintln(os.Stderr, "judge:", err)
			os.Exit(1)
		}
		if err := out.Encode(judge(q)); err != nil {
			fmt.Fprintln(os.Stderr, "judge:", err)
			os.Exit(1)
		}
	}
}

func judge(q question) verdict {
	leaf, err := parse(q.Certificate)
	if err != nil {
		return verdict{Error: "certificate: " + err.Error()}
	}
	v := describe(leaf)
	if err := check(q, leaf); err != nil {
		v.Error = err.Error()
		return v
	}
	v.OK = true
	return v
}

func check(q question, leaf *x509.Certificate) error {
	ca, err := parse(q.CA)
	if err != nil {
		return fmt.Errorf("CA: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	options := x509.VerifyOptions{Roots: roots, DNSName: q.Name, KeyUsages: usages(q.Usage)}
	if q.At != "" {
		at, err := time.Parse(time.RFC3339, q.At)
		if err != nil {
			return err
		}
		options.CurrentTime = at
	}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	if q.Key == "" {
		return nil
	}
	_, err = tls.X509KeyPair([]byte(q.Certificate), []byte(q.Key))
	return err
}

func usages(name string) []x509.ExtKeyUsage {
	switch name {
	case "server":
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case "client":
		return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}
}

func parse(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func describe(c *x509.Certificate) verdict {
	v := verdict{
		Serial:       hex.EncodeToString(c.SerialNumber.Bytes()),
		Subject:      c.Subject.String(),
		NotBefore:    c.NotBefore.UTC().Format(time.RFC3339),
		NotAfter:     c.NotAfter.UTC().Format(time.RFC3339),
		DNSNames:     c.DNSNames,
		SignedWith:   c.SignatureAlgorithm.String(),
		KeyAlgorithm: c.PublicKeyAlgorithm.String(),
		RawSubject:   hex.EncodeToString(c.RawSubject),
		RawIssuer:    hex.EncodeToString(c.RawIssuer),
	}
	for _, ip := range c.IPAddresses {
		v.IPAddresses = append(v.IPAddresses, ip.String())
	}
	for _, e := range c.Extensions {
		v.Extensions = append(v.Extensions, fmt.Sprintf("%s %t %x", e.Id, e.Critical, e.Value))
	}
	return v
}
