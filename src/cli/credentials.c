/* Credentials from the command line or from a file. */
#include "cli/credentials.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { CREDENTIAL_MAX = 8192, BASE64_MAX = (CREDENTIAL_MAX + 2) / 3 * 4 + 1 };

static int read_line(const char *path, char *out) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return uv_translate_sys_error(errno);
  int has_line = fgets(out, CREDENTIAL_MAX, file) != NULL;
  fclose(file);
  if (!has_line) return UV_EINVAL;
  out[strcspn(out, "\r\n")] = '\0';
  return 0;
}

static int read_given(const char *given, char *out) {
  if (given[0] == '@') return read_line(given + 1, out);
  size_t len = strlen(given);
  if (len >= CREDENTIAL_MAX) return UV_E2BIG;
  memcpy(out, given, len + 1);
  return 0;
}

static int append_value(struct cli_buffer *out, const char *scheme, const char *value) {
  int err = cli_buffer_append_str(out, scheme);
  return err != 0 ? err : cli_buffer_append(out, value, strlen(value) + 1);
}

int cli_credentials_basic(const char *given, struct cli_buffer *out) {
  char plain[CREDENTIAL_MAX] = "";
  char encoded[BASE64_MAX];
  int err = read_given(given, plain);
  if (err == 0 && strchr(plain, ':') == NULL) err = UV_EINVAL;
  if (err == 0) {
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain, (int)strlen(plain));
    err = append_value(out, "Basic ", encoded);
  }
  OPENSSL_cleanse(plain, sizeof plain);
  OPENSSL_cleanse(encoded, sizeof encoded);
  return err;
}

int cli_credentials_secret(const char *given, struct cli_buffer *out) {
  char secret[CREDENTIAL_MAX] = "";
  int err = read_given(given, secret);
  if (err == 0) err = secret[0] != '\0' ? append_value(out, "", secret) : UV_EINVAL;
  OPENSSL_cleanse(secret, sizeof secret);
  return err;
}
