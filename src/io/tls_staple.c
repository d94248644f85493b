/*
 * Stapled OCSP (RFC 6066 8, RFC 6960): the server shows along with its certificate what the issuer
 * says of it, signed and with a time. With require_ocsp_staple a server that shows nothing is
 * refused. Nothing is fetched.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "io/tls_internal.h"

#define CLOCK_SKEW_S 300

/* The issuer as far as the verified chain tells; a root is its own. */
static X509 *issuer_of(STACK_OF(X509) * chain) {
  int count = sk_X509_num(chain);
  return count > 0 ? sk_X509_value(chain, count > 1 ? 1 : 0) : NULL;
}

/* Is the answer about this certificate? It names it by hashes of its own choice. */
static int is_about(OCSP_SINGLERESP *single, X509 *certificate, X509 *issuer) {
  OCSP_CERTID *theirs = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
  ASN1_OBJECT *hash;
  OCSP_id_get0_info(NULL, &hash, NULL, NULL, theirs);
  const EVP_MD *md = EVP_get_digestbyobj(hash);
  OCSP_CERTID *ours = md ? OCSP_cert_to_id(md, certificate, issuer) : NULL;
  int is_equal = ours && OCSP_id_cmp(ours, theirs) == 0;
  OCSP_CERTID_free(ours);
  return is_equal;
}

static int judge_single(OCSP_SINGLERESP *single, const char *host, struct uvws__detail *detail) {
  ASN1_GENERALIZEDTIME *from, *to;
  int status = OCSP_single_get0_status(single, NULL, NULL, &from, &to);
  if (status == V_OCSP_CERTSTATUS_REVOKED)
    return uvws__fail(detail, UVWS_ECERT_REVOKED,
                      "certificate of %s is revoked, says the OCSP response of its issuer", host);
  if (status != V_OCSP_CERTSTATUS_GOOD)
    return uvws__fail(
        detail, UVWS_ECERT,
        "the issuer of the certificate of %s does not know it, says its OCSP response", host);
  if (!to || !OCSP_check_validity(from, to, CLOCK_SKEW_S, -1))
    return uvws__fail(detail, UVWS_ECERT, "the OCSP response stapled by %s is out of date", host);
  return 0;
}

static int judge_basic(SSL *ssl, OCSP_BASICRESP *basic, const char *host,
                       struct uvws__detail *detail) {
  STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
  X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  X509 *issuer = issuer_of(chain);
  if (!issuer || OCSP_basic_verify(basic, chain, store, OCSP_PARTIAL_CHAIN) <= 0)
    return uvws__fail(detail, UVWS_ECERT,
                      "the OCSP response stapled by %s is not signed by its issuer", host);
  for (int i = 0; i < OCSP_resp_count(basic); i++) {
    OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
    if (is_about(single, sk_X509_value(chain, 0), issuer))
      return judge_single(single, host, detail);
  }
  return uvws__fail(detail, UVWS_ECERT, "the OCSP response stapled by %s is for something else",
                    host);
}

static int judge_staple(SSL *ssl, const char *host, struct uvws__detail *detail) {
  const unsigned char *der = NULL;
  long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
  if (len <= 0 || !der)
    return uvws__fail(detail, UVWS_ECERT,
                      "%s staples no OCSP response, which require_ocsp_staple asks for", host);
  OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der, len);
  OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
  int err = basic ? judge_basic(ssl, basic, host, detail)
                  : uvws__fail(detail, UVWS_ECERT, "the OCSP response stapled by %s cannot be read",
                               host);
  OCSP_BASICRESP_free(basic);
  OCSP_RESPONSE_free(response);
  ERR_clear_error();
  return err;
}

int uvws__tls_on_staple(SSL *ssl, void *arg) {
  struct uvws__tls *t = SSL_get_app_data(ssl);
  (void)arg;
  if (SSL_session_reused(ssl)) return 1; /* it was judged when the session was new */
  if (!t || !t->handshake) return 0;
  struct uvws__tls_failure *verdict = &t->handshake->verdict;
  verdict->err = judge_staple(ssl, t->handshake->host, &verdict->detail);
  return verdict->err == 0;
}
