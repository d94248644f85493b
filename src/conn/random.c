/*
 * Randomness from OpenSSL's generator, seeded by the system's. Asking the system for each pool was
 * measured at 24 ns a mask key, more than all the rest of a short message; this is 2.4 ns
 * (bench/README.md).
 */
#include <limits.h>
#include <openssl/rand.h>

#include "conn/context.h"

int uvws__random_bytes(void *arg, void *out, size_t len) {
  (void)arg;
  if (len > INT_MAX || RAND_bytes(out, (int)len) != 1) return UV_EIO;
  return 0;
}
