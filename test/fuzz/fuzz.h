/*
 * What the fuzz targets share. A target is a file with one LLVMFuzzerTestOneInput: libFuzzer and
 * AFL++ call it (script/fuzz), replay.c calls it with every file of the corpus (script/test).
 */
#ifndef UVWS_TEST_FUZZ_H
#define UVWS_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What must hold, in release builds too. */
#define MUST(condition)                                                                            \
  ((condition) ? (void)0                                                                           \
               : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

/* An input is used up from the front, for decisions and for bytes. */
struct fuzz_input {
  const uint8_t *data;
  size_t len;
};

/* 0 when there is nothing left. */
static inline uint8_t fuzz_byte(struct fuzz_input *in) {
  if (!in->len) return 0;
  in->len--;
  return *in->data++;
}

static inline uint16_t fuzz_short(struct fuzz_input *in) {
  uint16_t high = fuzz_byte(in);
  return (uint16_t)(high << 8 | fuzz_byte(in));
}

/* The next `len` bytes, or what there is. Owned by the caller, of just that size, so that a byte
 * too far is seen. */
static inline uint8_t *fuzz_take(struct fuzz_input *in, size_t want, size_t *len) {
  *len = want < in->len ? want : in->len;
  uint8_t *copy = malloc(*len ? *len : 1);
  MUST(copy);
  if (*len) memcpy(copy, in->data, *len);
  in->data += *len;
  in->len -= *len;
  return copy;
}

/* The rest as a string, without what is behind its first NUL. Owned by the caller. */
static inline char *fuzz_text(struct fuzz_input *in) {
  char *text = malloc(in->len + 1);
  MUST(text);
  if (in->len) memcpy(text, in->data, in->len);
  text[in->len] = '\0';
  in->len = 0;
  char *copy = strdup(text); /* of just its size */
  MUST(copy);
  free(text);
  return copy;
}

/* How long the next piece is, when a stream is cut by a generator with this state. */
static inline size_t fuzz_cut(uint32_t *state, size_t left) {
  *state = *state * 1664525 + 1013904223;
  size_t piece = (*state >> 24) % ((*state & 0x1000) ? 4 : 64) + 1;
  return piece < left ? piece : left;
}

/* So that events can be compared without being kept (FNV-1a). */
static inline void fuzz_hash(uint64_t *hash, const void *data, size_t len) {
  const uint8_t *bytes = data;
  for (size_t i = 0; i < len; i++)
    *hash = (*hash ^ bytes[i]) * UINT64_C(1099511628211);
}

#endif
