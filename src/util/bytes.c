/* A growing run of bytes. */
#include "util/bytes.h"

#include <string.h>

#include "util/errors.h"

void uvws__bytes_deinit(const struct uvws__env *env, struct uvws__bytes *b) {
  uvws__free(env, b->data);
  memset(b, 0, sizeof *b);
}

int uvws__bytes_reserve(const struct uvws__env *env, struct uvws__bytes *b, size_t more) {
  if (more <= b->cap - b->len) return 0;
  if (more > SIZE_MAX / 2 - b->len) return UVWS__ENOMEM;
  size_t cap = b->cap ? b->cap : 64;
  while (cap - b->len < more)
    cap *= 2;
  uint8_t *data = uvws__realloc(env, b->data, cap);
  if (!data) return UVWS__ENOMEM;
  b->data = data;
  b->cap = cap;
  return 0;
}

int uvws__bytes_append(const struct uvws__env *env, struct uvws__bytes *b, const void *data,
                       size_t len) {
  int err = uvws__bytes_reserve(env, b, len);
  if (err) return err;
  if (len) memcpy(b->data + b->len, data, len);
  b->len += len;
  return 0;
}

int uvws__bytes_append_str(const struct uvws__env *env, struct uvws__bytes *b, const char *text) {
  return uvws__bytes_append(env, b, text, strlen(text));
}
