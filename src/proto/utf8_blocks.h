/*
 * UTF-8 judged a vector at a time, where the machine has the instructions for it: the method of
 * J. Keiser and D. Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021). Three
 * look-ups of 16 entries each, by the halves of two neighbouring bytes, have one bit for each kind
 * of error; a bit that all three have is an error. Only "a continuation must be here, since the
 * second or third byte before leads three or four" needs more.
 */
#ifndef UVWS_PROTO_UTF8_BLOCKS_H
#define UVWS_PROTO_UTF8_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define UVWS__UTF8_BLOCK 64 /* shorter texts are not worth the start */

/* Is this whole text, which ends with a character, valid? 1 or 0; negative: this machine cannot
 * tell, judge it byte by byte. */
int uvws__utf8_blocks(const uint8_t *data, size_t len);

/* The kinds of errors, by two neighbouring bytes. */
enum {
  UVWS__UTF8_TOO_SHORT = 1,       /* a lead byte, then no continuation */
  UVWS__UTF8_TOO_LONG = 2,        /* ASCII, then a continuation */
  UVWS__UTF8_OVERLONG_3 = 4,      /* E0 80..9F */
  UVWS__UTF8_TOO_LARGE = 8,       /* F4 90..BF, F5..FF 80..BF with the next */
  UVWS__UTF8_SURROGATE = 16,      /* ED A0..BF */
  UVWS__UTF8_OVERLONG_2 = 32,     /* C0, C1 */
  UVWS__UTF8_TOO_LARGE_1000 = 64, /* F5..FF 80..8F */
  UVWS__UTF8_OVERLONG_4 = 64,     /* F0 80..8F */
  UVWS__UTF8_TWO_CONTS = 128,     /* two continuations: right where a longer character is */
  UVWS__UTF8_CARRY = 1 | 2 | 128  /* what the low half of a first byte says nothing about */
};

#define UVWS__UTF8_LARGE (UVWS__UTF8_CARRY | UVWS__UTF8_TOO_LARGE | UVWS__UTF8_TOO_LARGE_1000)
#define UVWS__UTF8_CONT                                                                            \
  (UVWS__UTF8_TOO_LONG | UVWS__UTF8_OVERLONG_2 | UVWS__UTF8_TWO_CONTS) /* a second byte 80..BF */

/* By the high half of the first byte. */
#define UVWS__UTF8_FIRST_HIGH                                                                      \
  2, 2, 2, 2, 2, 2, 2, 2, 128, 128, 128, 128, UVWS__UTF8_TOO_SHORT | UVWS__UTF8_OVERLONG_2,        \
      UVWS__UTF8_TOO_SHORT, UVWS__UTF8_TOO_SHORT | UVWS__UTF8_OVERLONG_3 | UVWS__UTF8_SURROGATE,   \
      UVWS__UTF8_TOO_SHORT | UVWS__UTF8_TOO_LARGE | UVWS__UTF8_TOO_LARGE_1000 |                    \
          UVWS__UTF8_OVERLONG_4

/* By the low half of the first byte. */
#define UVWS__UTF8_FIRST_LOW                                                                       \
  UVWS__UTF8_CARRY | UVWS__UTF8_OVERLONG_3 | UVWS__UTF8_OVERLONG_2 | UVWS__UTF8_OVERLONG_4,        \
      UVWS__UTF8_CARRY | UVWS__UTF8_OVERLONG_2, UVWS__UTF8_CARRY, UVWS__UTF8_CARRY,                \
      UVWS__UTF8_CARRY | UVWS__UTF8_TOO_LARGE, UVWS__UTF8_LARGE, UVWS__UTF8_LARGE,                 \
      UVWS__UTF8_LARGE, UVWS__UTF8_LARGE, UVWS__UTF8_LARGE, UVWS__UTF8_LARGE, UVWS__UTF8_LARGE,    \
      UVWS__UTF8_LARGE, UVWS__UTF8_LARGE | UVWS__UTF8_SURROGATE, UVWS__UTF8_LARGE,                 \
      UVWS__UTF8_LARGE

/* By the high half of the second byte. */
#define UVWS__UTF8_SECOND_HIGH                                                                     \
  1, 1, 1, 1, 1, 1, 1, 1,                                                                          \
      UVWS__UTF8_CONT | UVWS__UTF8_OVERLONG_3 | UVWS__UTF8_TOO_LARGE_1000 | UVWS__UTF8_OVERLONG_4, \
      UVWS__UTF8_CONT | UVWS__UTF8_OVERLONG_3 | UVWS__UTF8_TOO_LARGE,                              \
      UVWS__UTF8_CONT | UVWS__UTF8_SURROGATE | UVWS__UTF8_TOO_LARGE,                               \
      UVWS__UTF8_CONT | UVWS__UTF8_SURROGATE | UVWS__UTF8_TOO_LARGE, 1, 1, 1, 1

#endif
