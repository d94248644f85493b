/*
 * A growing run of bytes. A zeroed struct is an empty one. Growth doubles; on failure nothing
 * changes.
 */
#ifndef UVWS_UTIL_BYTES_H
#define UVWS_UTIL_BYTES_H

#include "util/env.h"

struct uvws__bytes {
  uint8_t *data;
  size_t len;
  size_t cap;
};

void uvws__bytes_deinit(const struct uvws__env *env, struct uvws__bytes *b);

/* Room for `more` bytes behind `len`. Returns 0 or UVWS_ENOMEM's number, UV_ENOMEM. */
int uvws__bytes_reserve(const struct uvws__env *env, struct uvws__bytes *b, size_t more);
int uvws__bytes_append(const struct uvws__env *env, struct uvws__bytes *b, const void *data,
                       size_t len);
int uvws__bytes_append_str(const struct uvws__env *env, struct uvws__bytes *b, const char *text);

#endif
