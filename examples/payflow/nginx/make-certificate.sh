#!/bin/sh
# Makes a certificate for localhost that signs itself, unless there is one.
set -eu
cd "$(dirname "$0")"
mkdir -p tls
[ -f tls/certificate.pem ] && exit 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=localhost \
  -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout tls/key.pem -out tls/certificate.pem
