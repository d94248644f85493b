/* UTF-8 judged a vector at a time: AVX2 where the processor has it, NEON, else not at all. */
#include "proto/utf8_blocks.h"

#include <string.h>

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)

#include <immintrin.h>

/* The three look-ups: by the high and the low half of a first byte, and the high half of the next.
 */
static const uint8_t tables[3][16] = {
    {UVWS__UTF8_FIRST_HIGH}, {UVWS__UTF8_FIRST_LOW}, {UVWS__UTF8_SECOND_HIGH}};

#define AVX2 __attribute__((target("avx2")))

/* The bytes `n` places before each byte of `now`; `n` is 1 to 3. */
#define BEFORE(n, before, now)                                                                     \
  _mm256_alignr_epi8(now, _mm256_permute2x128_si256(before, now, 0x21), 16 - (n))

struct judge {
  __m256i before; /* the vector before */
  __m256i errors;
};

AVX2 static inline __m256i look_up(const uint8_t table[16], __m256i index) {
  __m128i half = _mm_loadu_si128((const __m128i *)(const void *)table);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), index);
}

AVX2 static inline __m256i high_half(__m256i bytes) {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0F));
}

AVX2 static inline void judge_vector(struct judge *j, __m256i now) {
  __m256i first = BEFORE(1, j->before, now);
  __m256i low = _mm256_and_si256(first, _mm256_set1_epi8(0x0F));
  __m256i kinds = _mm256_and_si256(look_up(tables[0], high_half(first)), look_up(tables[1], low));
  kinds = _mm256_and_si256(kinds, look_up(tables[2], high_half(now)));
  /* The highest bit is left where E0.. stands two before, or F0.. three before. */
  __m256i third = _mm256_subs_epu8(BEFORE(2, j->before, now), _mm256_set1_epi8(0xE0 - 0x80));
  __m256i fourth = _mm256_subs_epu8(BEFORE(3, j->before, now), _mm256_set1_epi8(0xF0 - 0x80));
  __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
  j->errors = _mm256_or_si256(j->errors, _mm256_xor_si256(must, kinds));
  j->before = now;
}

AVX2 static inline void judge_block(struct judge *j, const uint8_t *data) {
  __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)data);
  __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(data + 32));
  if (_mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(a, b), j->before)) == 0) {
    j->before = b; /* ASCII behind ASCII */
    return;
  }
  judge_vector(j, a);
  judge_vector(j, b);
}

AVX2 static int judge_avx2(const uint8_t *data, size_t len) {
  struct judge j = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  uint8_t rest[UVWS__UTF8_BLOCK] = {0};
  for (; len >= UVWS__UTF8_BLOCK; len -= UVWS__UTF8_BLOCK, data += UVWS__UTF8_BLOCK)
    judge_block(&j, data);
  memcpy(rest, data, len);
  judge_block(&j, rest);
  return _mm256_testz_si256(j.errors, j.errors);
}

int uvws__utf8_blocks(const uint8_t *data, size_t len) {
  return __builtin_cpu_supports("avx2") ? judge_avx2(data, len) : -1;
}

#elif defined(__aarch64__) && defined(__ARM_NEON)

#include <arm_neon.h>

/* The three look-ups: by the high and the low half of a first byte, and the high half of the next.
 */
static const uint8_t tables[3][16] = {
    {UVWS__UTF8_FIRST_HIGH}, {UVWS__UTF8_FIRST_LOW}, {UVWS__UTF8_SECOND_HIGH}};

struct judge {
  uint8x16_t before;
  uint8x16_t errors;
};

static inline void judge_vector(struct judge *j, uint8x16_t now) {
  uint8x16_t first = vextq_u8(j->before, now, 15);
  uint8x16_t kinds = vqtbl1q_u8(vld1q_u8(tables[0]), vshrq_n_u8(first, 4));
  kinds = vandq_u8(kinds, vqtbl1q_u8(vld1q_u8(tables[1]), vandq_u8(first, vdupq_n_u8(0x0F))));
  kinds = vandq_u8(kinds, vqtbl1q_u8(vld1q_u8(tables[2]), vshrq_n_u8(now, 4)));
  /* The highest bit is left where E0.. stands two before, or F0.. three before. */
  uint8x16_t third = vqsubq_u8(vextq_u8(j->before, now, 14), vdupq_n_u8(0xE0 - 0x80));
  uint8x16_t fourth = vqsubq_u8(vextq_u8(j->before, now, 13), vdupq_n_u8(0xF0 - 0x80));
  uint8x16_t must = vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(0x80));
  j->errors = vorrq_u8(j->errors, veorq_u8(must, kinds));
  j->before = now;
}

static inline void judge_block(struct judge *j, const uint8_t *data) {
  uint8x16_t v[4] = {vld1q_u8(data), vld1q_u8(data + 16), vld1q_u8(data + 32), vld1q_u8(data + 48)};
  uint8x16_t any = vorrq_u8(vorrq_u8(v[0], v[1]), vorrq_u8(v[2], v[3]));
  if (vmaxvq_u8(vorrq_u8(any, j->before)) < 0x80) {
    j->before = v[3]; /* ASCII behind ASCII */
    return;
  }
  for (int i = 0; i < 4; i++)
    judge_vector(j, v[i]);
}

int uvws__utf8_blocks(const uint8_t *data, size_t len) {
  struct judge j = {vdupq_n_u8(0), vdupq_n_u8(0)};
  uint8_t rest[UVWS__UTF8_BLOCK] = {0};
  for (; len >= UVWS__UTF8_BLOCK; len -= UVWS__UTF8_BLOCK, data += UVWS__UTF8_BLOCK)
    judge_block(&j, data);
  memcpy(rest, data, len);
  judge_block(&j, rest);
  return vmaxvq_u8(j.errors) == 0;
}

#else

int uvws__utf8_blocks(const uint8_t *data, size_t len) {
  (void)data, (void)len;
  return -1;
}

#endif
