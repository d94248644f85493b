/*
 * Is the certificate the peer's? OpenSSL judges (RFC 5280, RFC 9525); this file tells it which name
 * or address to look for, and keeps its first objection in words.
 *
 * The subject's common name is never taken for a host name (RFC 9525 6.2), and "f*.example.org" is
 * no wildcard.
 */
#include <openssl/x509v3.h>
#include <string.h>

#include "io/tls_internal.h"

int uvws__tls_verify_host(SSL *ssl, const char *host, int is_verifying) {
  uint8_t address[16];
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (uv_inet_pton(AF_INET, host, address) == 0 || uv_inet_pton(AF_INET6, host, address) == 0) {
    return X509_VERIFY_PARAM_set1_ip_asc(param, host) ? 0 : UV_ENOMEM;
  }
  /* OpenSSL would check no name at all for "", and any below it for ".example.org". */
  size_t len = strlen(host);
  if (len > TLSEXT_MAXLEN_host_name) return UVWS_EOPTION;
  if (len == 0 || host[0] == '.') return is_verifying ? UVWS_EOPTION : 0;
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (!X509_VERIFY_PARAM_set1_host(param, host, len)) return UV_ENOMEM;
  return SSL_set_tlsext_host_name(ssl, host) ? 0 : UV_ENOMEM;
}

/* A certificate's text in one of ours: what is not printable ASCII might be anything, an escape
 * sequence for a terminal too. */
static void add_text(struct uvws__bytes *line, const char *text, size_t len) {
  for (size_t i = 0; i < len && line->len + 1 < line->cap; i++)
    line->data[line->len++] = text[i] >= 0x20 && text[i] < 0x7f ? (uint8_t)text[i] : '?';
  line->data[line->len] = '\0';
}

static void add_address(struct uvws__bytes *line, const ASN1_OCTET_STRING *octets) {
  char text[INET6_ADDRSTRLEN] = "?";
  int len = ASN1_STRING_length(octets);
  if (len == 4) uv_inet_ntop(AF_INET, ASN1_STRING_get0_data(octets), text, sizeof text);
  if (len == 16) uv_inet_ntop(AF_INET6, ASN1_STRING_get0_data(octets), text, sizeof text);
  add_text(line, text, strlen(text));
}

/* "a.test, b.test, 127.0.0.1", as much as there is room for. */
static void list_names(X509 *certificate, char *out, size_t cap) {
  struct uvws__bytes line = {.data = (uint8_t *)out, .cap = cap};
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  add_text(&line, "", 0);
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (line.len) add_text(&line, ", ", 2);
    if (name->type == GEN_DNS) {
      add_text(&line, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
               (size_t)ASN1_STRING_length(name->d.dNSName));
    } else {
      add_address(&line, name->d.iPAddress);
    }
  }
  if (!line.len) add_text(&line, "no host at all", 14);
  GENERAL_NAMES_free(names);
}

/* "certificate of example.org", or with an issuer's at fault, "... of "Some CA", which vouches for
 * example.org". */
static void describe_whose(X509 *certificate, int depth, const char *host, char *out, size_t cap) {
  if (depth == 0 || !certificate) {
    snprintf(out, cap, "certificate of %s", host);
    return;
  }
  char raw[128] = "", clean[128];
  struct uvws__bytes line = {.data = (uint8_t *)clean, .cap = sizeof clean};
  X509_NAME_oneline(X509_get_subject_name(certificate), raw, sizeof raw);
  add_text(&line, raw, strlen(raw));
  snprintf(out, cap, "certificate of \"%s\" in the chain of %s", clean, host);
}

static int error_number(int reason) {
  switch (reason) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return UVWS_ECERT_EXPIRED;
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return UVWS_ECERT_NOT_YET_VALID;
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return UVWS_ECERT_HOSTNAME;
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    return UVWS_ECERT_SELF_SIGNED;
  case X509_V_ERR_CERT_REVOKED:
    return UVWS_ECERT_REVOKED;
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_CERT_UNTRUSTED:
  case X509_V_ERR_INVALID_CA:
    return UVWS_ECERT_UNTRUSTED;
  case X509_V_ERR_OUT_OF_MEM:
    return UV_ENOMEM;
  default:
    return UVWS_ECERT;
  }
}

/* OpenSSL's words, or better ones. */
static const char *reason_text(int reason) {
  switch (reason) {
  case X509_V_ERR_INVALID_PURPOSE:
    return "its key usage does not allow it to be used by a server";
  case X509_V_ERR_PERMITTED_VIOLATION:
  case X509_V_ERR_EXCLUDED_VIOLATION:
    return "its issuer is not allowed to vouch for this name (name constraints)";
  case X509_V_ERR_EE_KEY_TOO_SMALL:
  case X509_V_ERR_CA_KEY_TOO_SMALL:
    return "its key is too short to be safe";
  case X509_V_ERR_CA_MD_TOO_WEAK:
    return "it is signed with a hash that is broken (SHA-1 or worse)";
  case X509_V_ERR_UNABLE_TO_GET_CRL:
    return "crl_file holds no revocation list of its issuer";
  case X509_V_ERR_CRL_HAS_EXPIRED:
    return "the revocation list of its issuer in crl_file is out of date";
  default:
    return X509_verify_cert_error_string(reason);
  }
}

static void describe(struct uvws__tls_failure *out, int reason, X509 *certificate, int depth,
                     const char *host) {
  char whose[200], when[40] = "", names[128];
  int err = error_number(reason);
  describe_whose(certificate, depth, host, whose, sizeof whose);
  if (err == UVWS_ECERT_EXPIRED && certificate) {
    uvws__tls_time_text(X509_get0_notAfter(certificate), when, sizeof when);
    out->err = uvws__fail(&out->detail, err, "%s has expired (notAfter %s)", whose, when);
  } else if (err == UVWS_ECERT_NOT_YET_VALID && certificate) {
    uvws__tls_time_text(X509_get0_notBefore(certificate), when, sizeof when);
    out->err = uvws__fail(&out->detail, err, "%s is not valid yet (notBefore %s)", whose, when);
  } else if (err == UVWS_ECERT_HOSTNAME && certificate) {
    list_names(certificate, names, sizeof names);
    out->err = uvws__fail(&out->detail, err, "certificate is for %s, not for %s", names, host);
  } else if (err == UVWS_ECERT_REVOKED) {
    out->err = uvws__fail(&out->detail, err, "%s is revoked, says crl_file", whose);
  } else if (err == UVWS_ECERT_SELF_SIGNED) {
    out->err = uvws__fail(&out->detail, err, "%s is self-signed and not trusted here", whose);
  } else if (err == UVWS_ECERT_UNTRUSTED) {
    out->err =
        uvws__fail(&out->detail, err, "certificate of %s is signed by nobody trusted here (%s)",
                   host, X509_verify_cert_error_string(reason));
  } else {
    out->err = uvws__fail(&out->detail, err, "%s was not accepted: %s", whose, reason_text(reason));
  }
}

static struct uvws__tls *tls_of(X509_STORE_CTX *store) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  return ssl ? SSL_get_app_data(ssl) : NULL;
}

/* OpenSSL asks for each certificate, and once more for each objection: the first one ends it. */
int uvws__tls_on_verify(int is_good, X509_STORE_CTX *store) {
  if (is_good) return 1;
  struct uvws__tls *t = tls_of(store);
  struct uvws__tls_handshake *handshake = t ? t->handshake : NULL;
  if (handshake && !handshake->verdict.err) {
    handshake->reason = X509_STORE_CTX_get_error(store);
    describe(&handshake->verdict, handshake->reason, X509_STORE_CTX_get_current_cert(store),
             X509_STORE_CTX_get_error_depth(store), handshake->host);
  }
  return 0;
}

/* OpenSSL copies what is to be verified, the host's name too, from the connection to `store`, and
 * 3.0 does not look whether it could: without memory it would ask for no name at all. Hence once
 * more. */
static int verify(const struct uvws__tls *t, X509_STORE_CTX *store) {
  if (X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(store), SSL_get0_param(t->ssl)))
    return X509_verify_cert(store) == 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
  return 0;
}

static void judge(struct uvws__tls *t, X509_STORE_CTX *store) {
  struct uvws__tls_handshake *handshake = t->handshake;
  struct uvws__tls_failure *verdict = &handshake->verdict;
  if (t->settings->is_verifying && !verify(t, store) && !verdict->err) {
    handshake->reason = X509_STORE_CTX_get_error(store);
    describe(verdict, handshake->reason, NULL, 0, handshake->host);
  }
  if (verdict->err || !t->settings->pin_count) return;
  if (uvws__tls_is_pinned(t->settings, X509_STORE_CTX_get0_cert(store))) return;
  handshake->reason = X509_V_ERR_APPLICATION_VERIFICATION;
  verdict->err = uvws__fail(&verdict->detail, UVWS_ECERT_PIN,
                            "the public key of %s is none of pinned_public_key", handshake->host);
}

/* In the place of OpenSSL's own verification. When the owner is to be asked, OpenSSL is made to
 * return and to call this once more. */
int uvws__tls_on_certificate(X509_STORE_CTX *store, void *arg) {
  struct uvws__tls *t = tls_of(store);
  struct uvws__tls_handshake *handshake = t ? t->handshake : NULL;
  (void)arg;
  if (!handshake) return 0;
  if (!handshake->is_judged) {
    judge(t, store);
    if (handshake->on_verify) {
      handshake->shown = X509_chain_up_ref(X509_STORE_CTX_get0_untrusted(store));
      return SSL_set_retry_verify(t->ssl);
    }
  }
  X509_STORE_CTX_set_error(store, handshake->verdict.err ? handshake->reason : X509_V_OK);
  return handshake->verdict.err == 0;
}

int uvws__tls_ask_owner(struct uvws__tls *t) {
  struct uvws__tls_handshake *handshake = t->handshake;
  struct uvws__tls_failure *verdict = &handshake->verdict;
  struct uvws__tls_info *info;
  if (!handshake->shown || uvws__tls_info_of(t->env, t->ssl, handshake->shown, &info))
    return UV_ENOMEM;
  handshake->is_judged = 1;
  int err = verdict->err;
  int answer = handshake->on_verify(t->base.owner, err, verdict->detail.text, &info->info);
  uvws__tls_info_free(t->env, info);
  if (t->state == UVWS__TLS_CLOSED || answer == err) return 0;
  verdict->err = answer;
  if (answer)
    uvws__explain(&verdict->detail, "on_verify refused the certificate of %s", handshake->host);
  if (!handshake->reason) handshake->reason = X509_V_ERR_APPLICATION_VERIFICATION;
  return 0;
}
