/*
 * Masking a word at a time: the key, turned to where the payload stands, repeats every four bytes.
 * What the compiler makes of the loop is as fast as memory; a vector of twice the width brought
 * nothing (bench/README.md).
 */
#include "proto/mask.h"

#include <string.h>

/* The key eight bytes wide, beginning with its byte `offset % 4`. */
static uint64_t turned_key(const uint8_t key[4], uint64_t offset) {
  uint32_t once;
  memcpy(&once, key, sizeof once);
  uint64_t twice = (uint64_t)once << 32 | once;
  unsigned bits = (unsigned)(offset & 3) * 8;
  if (bits == 0) return twice;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return twice << bits | twice >> (64 - bits);
#else
  return twice >> bits | twice << (64 - bits);
#endif
}

/* Up to seven bytes. */
static void mask_rest(uint8_t *to, const uint8_t *from, size_t len, uint64_t key_word) {
  uint64_t word = 0;
  memcpy(&word, from, len);
  word ^= key_word;
  memcpy(to, &word, len);
}

void uvws__mask_copy(uint8_t *to, const uint8_t *from, size_t len, const uint8_t key[4],
                     uint64_t offset) {
  uint64_t key_word = turned_key(key, offset);
  size_t i = 0;
  for (; i + 32 <= len; i += 32) {
    uint64_t word[4];
    memcpy(word, from + i, sizeof word);
    word[0] ^= key_word;
    word[1] ^= key_word;
    word[2] ^= key_word;
    word[3] ^= key_word;
    memcpy(to + i, word, sizeof word);
  }
  for (; i + 8 <= len; i += 8) {
    uint64_t word;
    memcpy(&word, from + i, sizeof word);
    word ^= key_word;
    memcpy(to + i, &word, sizeof word);
  }
  if (i < len) mask_rest(to + i, from + i, len - i, key_word);
}
