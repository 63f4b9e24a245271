package over

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
)

// TLS makes the configuration of either side: TLS 1.3, the key and certificate of one PEM file, as keygen makes it, and
// the fingerprint of the key that the other side must show. Without a file a client shows nothing.
func TLS(keyFile, peerKey string) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		InsecureSkipVerify:     true, // the key is pinned instead: no CA vouches for names here
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errors.New("the peer has shown no certificate")
			}
			digest := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
			shown := "SHA256:" + base64.RawStdEncoding.EncodeToString(digest[:])
			if shown != peerKey {
				return fmt.Errorf("the peer's key is %s, want %s", shown, peerKey)
			}
			return nil
		},
	}
	if keyFile != "" {
		certificate, err := tls.LoadX509KeyPair(keyFile, keyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}
