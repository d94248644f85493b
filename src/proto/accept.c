/*
 * Sec-WebSocket-Key and Sec-WebSocket-Accept (RFC 6455 4.1), by libcrypto. SHA-1 is what the RFC
 * asks for; nothing secret rests on it: it shows that the server read this very request.
 */
#include "proto/accept.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "util/errors.h"

#define NONCE_LEN 16
#define SHA1_LEN 20

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 1.3 */

void uvws__base64_encode(const uint8_t *data, size_t len, char *out) {
  assert(len <= INT_MAX / 2);
  EVP_EncodeBlock((unsigned char *)out, data, (int)len);
}

int uvws__key_make(const struct uvws__env *env, char out[UVWS__KEY_LEN + 1]) {
  uint8_t nonce[NONCE_LEN];
  int err = env->random(env->arg, nonce, sizeof nonce);
  if (err) return err;
  uvws__base64_encode(nonce, sizeof nonce, out);
  return 0;
}

int uvws__accept_make(const char *key, char out[UVWS__ACCEPT_LEN + 1]) {
  char text[UVWS__KEY_LEN + sizeof guid];
  uint8_t hash[EVP_MAX_MD_SIZE];
  unsigned hash_len;
  assert(strlen(key) == UVWS__KEY_LEN);
  memcpy(text, key, UVWS__KEY_LEN);
  memcpy(text + UVWS__KEY_LEN, guid, sizeof guid);
  if (!EVP_Digest(text, sizeof text - 1, hash, &hash_len, EVP_sha1(), NULL) || hash_len != SHA1_LEN)
    return UVWS__ENOMEM;
  uvws__base64_encode(hash, SHA1_LEN, out);
  return 0;
}
