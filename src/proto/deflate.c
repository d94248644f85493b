/* Messages compressed and expanded by zlib, as raw DEFLATE. */
#include "proto/deflate.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "util/errors.h"

/* What a sync flush ends with: sent with every part but the last, and appended to what was received
 * (RFC 7692 7.2.1, 7.2.2). */
static const uint8_t tail[4] = {0x00, 0x00, 0xFF, 0xFF};

#define STEP 4096 /* output room is grown by at least this much */

struct uvws__deflater {
  const struct uvws__env *env;
  struct uvws__deflater_options options;
  z_stream z;
};

struct uvws__inflater {
  const struct uvws__env *env;
  uint8_t window_bits;
  uint8_t is_final;    /* a block with BFINAL has ended the stream; the message may go on */
  uint8_t is_in_block; /* or in its header: what was read does not end on a block's border */
  uint8_t tail_used;   /* of `tail`, by uvws__inflate_end */
  z_stream z;
};

static void *on_zalloc(void *arg, unsigned count, unsigned size) {
  const struct uvws__env *env = arg;
  if (size && count > SIZE_MAX / size) return NULL;
  return uvws__calloc(env, (size_t)count * size);
}

static void on_zfree(void *arg, void *ptr) {
  uvws__free(arg, ptr);
}

static void use_env(z_stream *z, const struct uvws__env *env) {
  z->zalloc = on_zalloc;
  z->zfree = on_zfree;
  z->opaque = (void *)env;
}

static unsigned clip(size_t len) {
  return len > UINT_MAX ? UINT_MAX : (unsigned)len;
}

static void deflater_free(struct uvws__deflater *d) {
  if (!d) return;
  deflateEnd(&d->z);
  uvws__free(d->env, d);
}

static void inflater_free(struct uvws__inflater *i) {
  if (!i) return;
  inflateEnd(&i->z);
  uvws__free(i->env, i);
}

int uvws__deflate_is_available(void) {
  return 1;
}

void uvws__zstock_deinit(struct uvws__zstock *stock) {
  deflater_free(stock->deflater);
  inflater_free(stock->inflater);
  memset(stock, 0, sizeof *stock);
}

static int is_fit(const struct uvws__deflater *d, const struct uvws__deflater_options *o) {
  return d && d->options.window_bits == o->window_bits && d->options.level == o->level &&
         d->options.memory_level == o->memory_level;
}

int uvws__deflater_take(const struct uvws__env *env, struct uvws__zstock *stock,
                        const struct uvws__deflater_options *options, struct uvws__deflater **out) {
  if (is_fit(stock->deflater, options)) {
    *out = stock->deflater;
    stock->deflater = NULL;
    return 0;
  }
  struct uvws__deflater *d = uvws__calloc(env, sizeof *d);
  if (!d) return UVWS__ENOMEM;
  d->env = env;
  d->options = *options;
  use_env(&d->z, env);
  if (deflateInit2(&d->z, options->level, Z_DEFLATED, -(int)options->window_bits,
                   options->memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
    uvws__free(env, d);
    return UVWS__ENOMEM;
  }
  *out = d;
  return 0;
}

void uvws__deflater_give(struct uvws__zstock *stock, struct uvws__deflater *deflater) {
  if (!deflater) return;
  deflater_free(stock->deflater);
  deflateReset(&deflater->z);
  stock->deflater = deflater;
}

/* One round of zlib into fresh room. */
static int deflate_step(struct uvws__deflater *d, struct uvws__bytes *out) {
  int err = uvws__bytes_reserve(d->env, out, STEP);
  if (err) return err;
  unsigned room = clip(out->cap - out->len);
  d->z.next_out = out->data + out->len;
  d->z.avail_out = room;
  deflate(&d->z, Z_SYNC_FLUSH);
  out->len += room - d->z.avail_out;
  return 0;
}

/* An empty part has nothing to flush; an empty stored block then takes its place (RFC
 * 7692 7.2.3.6). */
static int append_empty_block(struct uvws__deflater *d, int is_last, struct uvws__bytes *out) {
  int err = uvws__bytes_append(d->env, out, "\0", 1);
  return err || is_last ? err : uvws__bytes_append(d->env, out, tail, sizeof tail);
}

int uvws__deflate(struct uvws__deflater *d, const uint8_t *data, size_t len, int is_last,
                  struct uvws__bytes *out) {
  if (len == 0) return append_empty_block(d, is_last, out);
  while (len) {
    unsigned n = clip(len);
    d->z.next_in = (uint8_t *)data;
    d->z.avail_in = n;
    do {
      int err = deflate_step(d, out);
      if (err) return err;
    } while (d->z.avail_out == 0 || d->z.avail_in);
    data += n;
    len -= n;
  }
  if (is_last) {
    assert(out->len >= sizeof tail &&
           !memcmp(out->data + out->len - sizeof tail, tail, sizeof tail));
    out->len -= sizeof tail;
  }
  return 0;
}

int uvws__inflater_take(const struct uvws__env *env, struct uvws__zstock *stock,
                        uint8_t window_bits, struct uvws__inflater **out) {
  if (stock->inflater && stock->inflater->window_bits == window_bits) {
    *out = stock->inflater;
    stock->inflater = NULL;
    return 0;
  }
  struct uvws__inflater *i = uvws__calloc(env, sizeof *i);
  if (!i) return UVWS__ENOMEM;
  i->env = env;
  i->window_bits = window_bits;
  use_env(&i->z, env);
  if (inflateInit2(&i->z, -(int)window_bits) != Z_OK) {
    uvws__free(env, i);
    return UVWS__ENOMEM;
  }
  *out = i;
  return 0;
}

void uvws__inflater_give(struct uvws__zstock *stock, struct uvws__inflater *inflater) {
  if (!inflater) return;
  inflater_free(stock->inflater);
  inflateReset(&inflater->z);
  inflater->is_final = inflater->is_in_block = inflater->tail_used = 0;
  stock->inflater = inflater;
}

/* Behind a block with BFINAL the message goes on (RFC 7692 7.2.3.4), and so does the window, which
 * inflateReset would forget. */
static int restart(struct uvws__inflater *i) {
  unsigned len = 0;
  uint8_t *window = uvws__alloc(i->env, (size_t)1 << 15);
  if (!window) return UVWS__ENOMEM;
  inflateGetDictionary(&i->z, window, &len);
  inflateReset(&i->z);
  int err = inflateSetDictionary(&i->z, window, len);
  uvws__free(i->env, window);
  if (err != Z_OK) return UVWS__ENOMEM;
  i->is_final = i->is_in_block = 0;
  return 0;
}

/* Where zlib stands behind input: 128 says at the end of a block, and below are the bits of the
 * last byte that it has not used. */
static int is_in_block(const z_stream *z) {
  return !(z->data_type & 128) || (z->data_type & 63);
}

static int inflate_answer(int err) {
  return err == Z_MEM_ERROR ? UVWS__ENOMEM : UVWS_EPROTOCOL;
}

int uvws__inflate(struct uvws__inflater *i, const uint8_t *data, size_t len, size_t *used,
                  uint8_t *out, size_t room, size_t *out_len) {
  *used = 0;
  *out_len = 0;
  while (*used < len || *out_len < room) {
    if (i->is_final) {
      if (*used == len) break;
      int err = restart(i);
      if (err) return err;
    }
    unsigned in_part = clip(len - *used);
    unsigned out_part = clip(room - *out_len);
    i->z.next_in = (uint8_t *)data + *used;
    i->z.avail_in = in_part;
    i->z.next_out = out + *out_len;
    i->z.avail_out = out_part;
    int err = inflate(&i->z, Z_SYNC_FLUSH);
    *used += in_part - i->z.avail_in;
    if (i->z.avail_in < in_part) i->is_in_block = (uint8_t)is_in_block(&i->z);
    *out_len += out_part - i->z.avail_out;
    i->is_final = err == Z_STREAM_END;
    if (err == Z_BUF_ERROR) break; /* no progress: nothing to do or nowhere to put it */
    if (err != Z_OK && err != Z_STREAM_END) return inflate_answer(err);
    if (*used == len && i->z.avail_out) break; /* zlib holds nothing back while there is room */
  }
  return *out_len == room ? UVWS__INFLATE_FULL : UVWS__INFLATE_MORE;
}

int uvws__inflate_end(struct uvws__inflater *i, uint8_t *out, size_t room, size_t *out_len) {
  size_t used;
  *out_len = 0;
  /* The tail completes the empty block that the sender began with its flush. Some have begun none:
   * BFINAL was their last word, or all was flushed with an earlier fragment and the last one is
   * empty, as python3-websockets ends every fragmented message. */
  if (i->is_final || !i->is_in_block) {
    i->tail_used = 0;
    return UVWS__INFLATE_MORE;
  }
  int answer =
      uvws__inflate(i, tail + i->tail_used, sizeof tail - i->tail_used, &used, out, room, out_len);
  i->tail_used += (uint8_t)used;
  if (answer != UVWS__INFLATE_MORE) return answer;
  i->tail_used = 0;
  /* A message that was cut inside a block is not whole. */
  return i->is_in_block ? UVWS_EPROTOCOL : UVWS__INFLATE_MORE;
}
