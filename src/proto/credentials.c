/* Basic and Bearer credentials. */
#include "proto/credentials.h"

#include <string.h>

#include "proto/accept.h"
#include "proto/token.h"
#include "util/errors.h"

/* RFC 7617 2: the name, a colon, the password; a URI may leave the last two out. */
int uvws__basic_append(const struct uvws__env *env, const char *userinfo, struct uvws__bytes *out) {
  size_t len = strlen(userinfo);
  size_t colon = strchr(userinfo, ':') == NULL;
  uint8_t *plain = uvws__alloc(env, len + colon);
  char *coded = uvws__alloc(env, UVWS__BASE64_LEN(len + colon) + 1);
  int err = plain && coded ? 0 : UVWS__ENOMEM;
  if (!err) {
    memcpy(plain, userinfo, len);
    if (colon) plain[len] = ':';
    uvws__base64_encode(plain, len + colon, coded);
    err = uvws__bytes_append_str(env, out, "Basic ");
  }
  if (!err) err = uvws__bytes_append_str(env, out, coded);
  uvws__free(env, plain);
  uvws__free(env, coded);
  return err;
}

int uvws__is_bearer_token(const char *text) {
  size_t len = 0;
  while (uvws__is_alpha(text[len]) || uvws__is_digit(text[len]) ||
         (text[len] && strchr("-._~+/", text[len])))
    len++;
  return len > 0 && text[len + strspn(text + len, "=")] == '\0';
}
