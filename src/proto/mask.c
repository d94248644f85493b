/* Masking a word at a time: the key, turned to where the payload stands, repeats every four bytes.
 */
#include "proto/mask.h"

#include <string.h>

void uvws__mask_copy(uint8_t *to, const uint8_t *from, size_t len, const uint8_t key[4],
                     uint64_t offset) {
  uint8_t turned[8];
  for (unsigned i = 0; i < sizeof turned; i++)
    turned[i] = key[(offset + i) & 3];
  uint64_t key_word;
  memcpy(&key_word, turned, sizeof key_word);
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
  for (; i < len; i++)
    to[i] = from[i] ^ turned[i & 7];
}
