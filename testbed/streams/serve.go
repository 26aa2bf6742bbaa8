package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	remotecommandconsts "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	"k8s.io/kubelet/pkg/cri/streaming/remotecommand"
)

const (
	idle     = 4 * time.Hour
	creation = remotecommandconsts.DefaultStreamCreationTimeout
)

// serve answers until it is ended.
func serve(dir, port string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		namespace, name, container := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
		found, err := find(dir, namespace, name)
		if err == nil && found.Container != container {
			err = errors.New("nothing runs in container " + container + " of pod " + namespace + "/" + name)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		options, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		remotecommand.ServeExec(w, r, inside{found}, name, "", container, r.URL.Query()["command"], options,
			idle, creation, remotecommandconsts.SupportedStreamingProtocols)
	})
	mux.HandleFunc("/portForward/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("pod")
		found, err := find(dir, r.PathValue("namespace"), name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		options, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, inside{found}, name, "", options, idle, creation,
			portforward.SupportedProtocols)
	})
	certificate, err := own()
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr:    "127.0.0.1:" + port,
		Handler: mux,
		TLSConfig: &tls.Config{
			Certificates:     []tls.Certificate{certificate},
			ClientAuth:       tls.RequireAnyClientCert,
			VerifyConnection: only(filepath.Join(dir, "certs", "apiserver.crt")),
			// Streams take over their connections, which HTTP/2 has none of.
			NextProtos: []string{"http/1.1"},
		},
	}
	return server.ListenAndServeTLS("", "")
}

// only lets in whoever shows the certificate of that file, byte for byte; its key proves itself in the handshake.
func only(file string) func(tls.ConnectionState) error {
	return func(connection tls.ConnectionState) error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		block, _ := pem.Decode(text)
		shown := connection.PeerCertificates
		if block == nil || len(shown) == 0 || !bytes.Equal(block.Bytes, shown[0].Raw) {
			return errors.New("not the API server")
		}
		return nil
	}
}

// own is a certificate for this run; the API server does not ask whose it is.
func own() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(30 * 24 * time.Hour),
	}
	bytes, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{bytes}, PrivateKey: key}, err
}
