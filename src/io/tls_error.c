/* OpenSSL's errors in our numbers and in words. */
#include <openssl/err.h>
#include <string.h>

#include "io/tls_internal.h"

void uvws__tls_queue_text(char *out, size_t cap) {
  unsigned long code = ERR_peek_error();
  const char *reason;
  if (ERR_SYSTEM_ERROR(code)) {
    reason = uv_strerror(uv_translate_sys_error(ERR_GET_REASON(code)));
  } else {
    reason = ERR_reason_error_string(code);
  }
  snprintf(out, cap, "%s", reason ? reason : "unknown reason");
}

static int is_version_reason(int reason) {
  return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION ||
         reason == SSL_R_WRONG_SSL_VERSION || reason == SSL_R_VERSION_TOO_LOW ||
         reason == SSL_R_VERSION_TOO_HIGH || reason == SSL_R_NO_PROTOCOLS_AVAILABLE ||
         reason == SSL_R_INAPPROPRIATE_FALLBACK ||
         reason == SSL_AD_REASON_OFFSET + SSL_AD_INAPPROPRIATE_FALLBACK;
}

static const char *version_name(long version) {
  switch (version) {
  case TLS1_VERSION:
    return "1.0";
  case TLS1_1_VERSION:
    return "1.1";
  case TLS1_2_VERSION:
    return "1.2";
  default:
    return "1.3";
  }
}

static void explain_version(SSL *ssl, struct uvws__tls_failure *out) {
  long min = SSL_get_min_proto_version(ssl);
  long max = SSL_get_max_proto_version(ssl);
  if (min && min == max) {
    out->err = uvws__fail(&out->detail, UVWS_ETLS_VERSION, "the server does not speak TLS %s",
                          version_name(min));
  } else {
    out->err = uvws__fail(&out->detail, UVWS_ETLS_VERSION,
                          "no TLS version in common with the server (allowed here: %s to %s)",
                          version_name(min), version_name(max));
  }
}

/* Did the server ask for a certificate that we do not have? In TLS 1.2 it says "handshake failure"
 * then. */
static const char *alert_hint(SSL *ssl, int alert) {
  const unsigned char *types;
  int is_asked = alert == SSL_AD_HANDSHAKE_FAILURE && !SSL_get_certificate(ssl) &&
                 SSL_get0_certificate_types(ssl, &types) > 0;
  return is_asked || alert == SSL_AD_CERTIFICATE_REQUIRED
             ? ": it wants a client certificate (cert_file)"
             : "";
}

/* OpenSSL 3.0 knows the alerts of TLS 1.3 only as "unknown". */
static const char *alert_text(int alert) {
  if (alert == SSL_AD_CERTIFICATE_REQUIRED) return "certificate required";
  if (alert == SSL_AD_MISSING_EXTENSION) return "missing extension";
  return SSL_alert_desc_string_long(alert);
}

static void explain_reason(SSL *ssl, unsigned long code, struct uvws__tls_failure *out) {
  int reason = ERR_GET_REASON(code);
  char text[160];
  uvws__tls_queue_text(text, sizeof text);
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) {
    out->err = uvws__fail(&out->detail, UVWS_ETLS, "TLS failed: %s", text);
  } else if (is_version_reason(reason)) {
    explain_version(ssl, out);
  } else if (reason == SSL_R_WRONG_VERSION_NUMBER) {
    out->err = uvws__fail(&out->detail, UVWS_ETLS, "the server does not speak TLS on this port");
  } else if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
    int alert = reason - SSL_AD_REASON_OFFSET;
    out->err = uvws__fail(&out->detail, UVWS_ETLS, "the server sent the TLS alert \"%s\"%s",
                          alert_text(alert), alert_hint(ssl, alert));
  } else {
    out->err = uvws__fail(&out->detail, UVWS_ETLS, "TLS failed: %s", text);
  }
}

void uvws__tls_explain(struct uvws__tls *t, struct uvws__tls_failure *out) {
  unsigned long code = ERR_peek_error();
  int is_out_of_memory =
      t->write_err == UV_ENOMEM || (code && ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE);
  if (t->handshake && t->handshake->verdict.err) {
    *out = t->handshake->verdict;
  } else if (is_out_of_memory) {
    out->err = uvws__fail(&out->detail, UV_ENOMEM, "out of memory in TLS");
  } else if (code) {
    explain_reason(t->ssl, code, out);
  } else {
    out->err = uvws__fail(&out->detail, UVWS_ETLS, "TLS failed");
  }
  ERR_clear_error();
}
