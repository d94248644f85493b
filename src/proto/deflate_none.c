/* proto/deflate.h in a build without zlib: compression is never offered, so nothing else is called
 * but what clears up. */
#include <assert.h>

#include "proto/deflate.h"
#include "util/errors.h"

int uvws__deflate_is_available(void) {
  return 0;
}

void uvws__zstock_deinit(struct uvws__zstock *stock) {
  (void)stock;
}

int uvws__deflater_take(const struct uvws__env *env, struct uvws__zstock *stock,
                        const struct uvws__deflater_options *options, struct uvws__deflater **out) {
  (void)env, (void)stock, (void)options, (void)out;
  assert(0);
  return UVWS__ENOMEM;
}

void uvws__deflater_give(struct uvws__zstock *stock, struct uvws__deflater *deflater) {
  (void)stock, (void)deflater;
}

int uvws__deflate(struct uvws__deflater *deflater, const uint8_t *data, size_t len, int is_last,
                  struct uvws__bytes *out) {
  (void)deflater, (void)data, (void)len, (void)is_last, (void)out;
  assert(0);
  return UVWS__ENOMEM;
}

int uvws__inflater_take(const struct uvws__env *env, struct uvws__zstock *stock,
                        uint8_t window_bits, struct uvws__inflater **out) {
  (void)env, (void)stock, (void)window_bits, (void)out;
  assert(0);
  return UVWS__ENOMEM;
}

void uvws__inflater_give(struct uvws__zstock *stock, struct uvws__inflater *inflater) {
  (void)stock, (void)inflater;
}

int uvws__inflate(struct uvws__inflater *inflater, const uint8_t *data, size_t len, size_t *used,
                  uint8_t *out, size_t room, size_t *out_len) {
  (void)inflater, (void)data, (void)len, (void)used, (void)out, (void)room, (void)out_len;
  assert(0);
  return UVWS__ENOMEM;
}

int uvws__inflate_end(struct uvws__inflater *inflater, uint8_t *out, size_t room, size_t *out_len) {
  (void)inflater, (void)out, (void)room, (void)out_len;
  assert(0);
  return UVWS__ENOMEM;
}
