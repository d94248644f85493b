/*
 * Public-key pinning: the SHA-256 of the certificate's SubjectPublicKeyInfo is one that the caller
 * gave, "sha256//BASE64" as curl and RFC 7469 2.4 write it, several joined by ";".
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "io/tls_internal.h"

#define BASE64_LEN 44 /* of a digest */
static const char prefix[] = "sha256//";
#define PREFIX_LEN (sizeof prefix - 1)

/* "sha256//" and the base64 of 32 bytes, which ends with one "=". */
static int parse_pin(const char *text, size_t len, uint8_t out[UVWS__TLS_DIGEST_LEN]) {
  uint8_t bytes[BASE64_LEN / 4 * 3];
  if (len != PREFIX_LEN + BASE64_LEN || memcmp(text, prefix, PREFIX_LEN) != 0) return 0;
  const char *base64 = text + PREFIX_LEN;
  if (base64[BASE64_LEN - 1] != '=' || base64[BASE64_LEN - 2] == '=') return 0;
  if (EVP_DecodeBlock(bytes, (const unsigned char *)base64, BASE64_LEN) != sizeof bytes) return 0;
  memcpy(out, bytes, UVWS__TLS_DIGEST_LEN);
  return 1;
}

int uvws__tls_pins_parse(struct uvws__tls_settings *s, const char *text,
                         struct uvws__detail *detail) {
  size_t most = strlen(text) / (PREFIX_LEN + BASE64_LEN) + 1;
  s->pins = uvws__alloc(s->env, most * sizeof *s->pins);
  if (!s->pins) return UV_ENOMEM;
  for (;;) {
    size_t len = strcspn(text, ";");
    if (!parse_pin(text, len, s->pins[s->pin_count]))
      return uvws__fail(detail, UVWS_EOPTION,
                        "pinned_public_key: \"%.80s\" is not sha256// and 44 characters of base64",
                        text);
    s->pin_count++;
    if (!text[len]) return 0;
    text += len + 1;
  }
}

int uvws__tls_key_digest(X509 *certificate, uint8_t out[UVWS__TLS_DIGEST_LEN]) {
  unsigned char *der = NULL;
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (len <= 0) return 0;
  int is_done = EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL);
  OPENSSL_free(der);
  return is_done;
}

int uvws__tls_is_pinned(const struct uvws__tls_settings *s, X509 *certificate) {
  uint8_t digest[UVWS__TLS_DIGEST_LEN];
  if (!certificate || !uvws__tls_key_digest(certificate, digest)) return 0;
  for (size_t i = 0; i < s->pin_count; i++)
    if (memcmp(s->pins[i], digest, sizeof digest) == 0) return 1;
  return 0;
}
