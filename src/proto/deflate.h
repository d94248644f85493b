/*
 * Messages compressed and expanded (RFC 7692 7.2) by zlib. The only code that knows zlib.
 *
 * A deflater or inflater costs between 10 and 300 KB, so each is made when the first message needs
 * it. With context takeover it stays with its connection; without, it goes back to a stock after
 * every message, so that one of each serves all connections of a loop.
 */
#ifndef UVWS_PROTO_DEFLATE_H
#define UVWS_PROTO_DEFLATE_H

#include "util/bytes.h"

/* 0: this build has no zlib, and nothing below may be called but what gives back. */
int uvws__deflate_is_available(void);

struct uvws__deflater;
struct uvws__inflater;

/* Idle ones, by what they were made for. A zeroed struct is an empty stock. */
struct uvws__zstock {
  struct uvws__deflater *deflater;
  struct uvws__inflater *inflater;
};
void uvws__zstock_deinit(struct uvws__zstock *stock);

struct uvws__deflater_options {
  uint8_t window_bits; /* 9 to 15: zlib writes no raw DEFLATE with a window of 256 bytes */
  uint8_t level;       /* 1 to 9 */
  uint8_t memory_level;
};

/* From the stock, when one fits, or made now. Returns 0 or UV_ENOMEM. */
int uvws__deflater_take(const struct uvws__env *env, struct uvws__zstock *stock,
                        const struct uvws__deflater_options *options, struct uvws__deflater **out);
/* Into the stock (its history is forgotten) or freed. NULL is accepted. */
void uvws__deflater_give(struct uvws__zstock *stock, struct uvws__deflater *deflater);

/* Append `len` bytes, compressed and flushed, to `out`. Every part but a message's last ends with
 * 00 00 FF FF, which the last one lacks (RFC 7692 7.2.1). Returns 0 or UV_ENOMEM. */
int uvws__deflate(struct uvws__deflater *deflater, const uint8_t *data, size_t len, int is_last,
                  struct uvws__bytes *out);

int uvws__inflater_take(const struct uvws__env *env, struct uvws__zstock *stock,
                        uint8_t window_bits, struct uvws__inflater **out);
void uvws__inflater_give(struct uvws__zstock *stock, struct uvws__inflater *inflater);

enum {
  UVWS__INFLATE_MORE = 0, /* all input is used; `*out_len` bytes came out */
  UVWS__INFLATE_FULL = 1  /* `room` is used up: call again with the rest of the input */
};

/* Expand a part of a message into `out`. Sets how much input was used and how much came out.
 * Returns one of the above, UVWS_EPROTOCOL (not DEFLATE), UV_ENOMEM. */
int uvws__inflate(struct uvws__inflater *inflater, const uint8_t *data, size_t len, size_t *used,
                  uint8_t *out, size_t room, size_t *out_len);

/* The message's payload is over: expand what was held back. The same answers; MORE means the
 * message is whole. */
int uvws__inflate_end(struct uvws__inflater *inflater, uint8_t *out, size_t room, size_t *out_len);

#endif
