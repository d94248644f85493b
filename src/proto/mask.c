/*
 * Masking a word at a time: the key, turned to where the payload stands, repeats every four bytes.
 * With AVX2, where the processor has it, long payloads take half the time (bench/README.md);
 * elsewhere the compiler's own vectors do.
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

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)

#include <immintrin.h>

#define WIDE_MIN 128

/* The part that fills whole vectors; answers its length. */
__attribute__((target("avx2"))) static size_t mask_wide(uint8_t *to, const uint8_t *from,
                                                        size_t len, uint64_t key_word) {
  const __m256i key = _mm256_set1_epi64x((long long)key_word);
  size_t i = 0;
  for (; i + 64 <= len; i += 64) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(from + i + 32));
    _mm256_storeu_si256((__m256i *)(void *)(to + i), _mm256_xor_si256(a, key));
    _mm256_storeu_si256((__m256i *)(void *)(to + i + 32), _mm256_xor_si256(b, key));
  }
  return i;
}

static size_t mask_vectors(uint8_t *to, const uint8_t *from, size_t len, uint64_t key_word) {
  if (len < WIDE_MIN || !__builtin_cpu_supports("avx2")) return 0;
  return mask_wide(to, from, len, key_word);
}

#else

static size_t mask_vectors(uint8_t *to, const uint8_t *from, size_t len, uint64_t key_word) {
  (void)to, (void)from, (void)len, (void)key_word;
  return 0;
}

#endif

void uvws__mask_copy(uint8_t *to, const uint8_t *from, size_t len, const uint8_t key[4],
                     uint64_t offset) {
  uint64_t key_word = turned_key(key, offset);
  size_t i = mask_vectors(to, from, len, key_word);
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
