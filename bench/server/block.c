/* Prepared frames for the sources of the bench server. */
#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "payload.h"

#define BLOCK_BYTES 262144
#define SIZE_MOST ((size_t)64 << 20)

static struct bench_block *blocks;

static void add_header(struct bench_buffer *b, uint8_t first, size_t len) {
  uint8_t header[10] = {first, (uint8_t)len};
  unsigned width = len <= 125 ? 0 : len <= 65535 ? 2 : 8;
  if (width) header[1] = width == 2 ? 126 : 127;
  for (unsigned i = 0; i < width; i++)
    header[2 + i] = (uint8_t)((uint64_t)len >> 8 * (width - 1 - i));
  bench_buffer_add(b, header, 2 + width);
}

/* RFC 7692 7.2.1: a raw stream, flushed, without the four bytes at its end. */
static size_t deflate_payload(const uint8_t *data, size_t len, uint8_t *out, size_t cap) {
  z_stream z = {0};
  if (deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  z.next_in = (Bytef *)(uintptr_t)data;
  z.avail_in = (uInt)len;
  z.next_out = out;
  z.avail_out = (uInt)cap;
  deflate(&z, Z_SYNC_FLUSH);
  deflateEnd(&z);
  return cap - z.avail_out - 4;
}

static void add_frames(struct bench_buffer *b, const char *kind, size_t size, int is_deflate) {
  int is_binary = !strcmp(kind, "binary");
  size_t cap = size + size / 1000 + 64;
  uint8_t *payload = malloc(cap);
  uint8_t *packed = malloc(cap);
  if (!payload || !packed) abort();
  bench_fill(payload, size, is_binary ? NULL : !strcmp(kind, "utf8") ? BENCH_UTF8 : BENCH_ASCII);
  size_t len = is_deflate ? deflate_payload(payload, size, packed, cap) : size;
  do {
    add_header(b, (uint8_t)((is_binary ? 0x82 : 0x81) | (is_deflate ? 0x40 : 0)), len);
    bench_buffer_add(b, is_deflate ? packed : payload, len);
  } while (b->len < BLOCK_BYTES);
  free(payload);
  free(packed);
}

const struct bench_block *bench_block_get(const char *name, const char *path, int is_deflate) {
  char kind[8];
  size_t size;
  for (struct bench_block *b = blocks; b; b = b->next)
    if (!strcmp(b->path, name)) return b;
  if (sscanf(path, "/source/%7[a-z0-9]/%zu", kind, &size) != 2 || size > SIZE_MOST) return NULL;
  struct bench_buffer frames = {0};
  struct bench_block *block = calloc(1, sizeof *block);
  if (!block) return NULL;
  add_frames(&frames, kind, size, is_deflate);
  snprintf(block->path, sizeof block->path, "%s", name);
  block->data = frames.data;
  block->len = frames.len;
  block->next = blocks;
  return blocks = block;
}
