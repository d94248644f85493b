/*
 * An env whose every answer a test decides: allocations are counted and the nth can be made to
 * fail, the clock stands where it is put, random bytes count up.
 */
#ifndef UVWS_TEST_FAKE_ENV_H
#define UVWS_TEST_FAKE_ENV_H

#include <stdlib.h>
#include <string.h>

#include "util/env.h"

struct fake_env {
  struct uvws__env env;
  size_t live;    /* allocations not freed */
  size_t asked;   /* allocations asked for so far */
  size_t fail_at; /* the one that fails, counted from 1; 0: none */
  size_t largest; /* the largest size asked for */
  uint64_t now_ms;
  uint8_t next_random;
  int random_error;
};

static inline void *fake_realloc(void *arg, void *ptr, size_t size) {
  struct fake_env *fake = arg;
  if (size == 0) {
    if (ptr) fake->live--;
    free(ptr);
    return NULL;
  }
  if (++fake->asked == fake->fail_at) return NULL;
  if (size > fake->largest) fake->largest = size;
  void *memory = realloc(ptr, size);
  if (memory && !ptr) fake->live++;
  return memory;
}

static inline int fake_random(void *arg, void *out, size_t len) {
  struct fake_env *fake = arg;
  if (fake->random_error) return fake->random_error;
  for (size_t i = 0; i < len; i++)
    ((uint8_t *)out)[i] = fake->next_random++;
  return 0;
}

static inline uint64_t fake_now_ms(void *arg) {
  return ((struct fake_env *)arg)->now_ms;
}

static inline void fake_env_init(struct fake_env *fake) {
  memset(fake, 0, sizeof *fake);
  fake->env.realloc = fake_realloc;
  fake->env.alloc_arg = fake;
  fake->env.random = fake_random;
  fake->env.now_ms = fake_now_ms;
  fake->env.arg = fake;
}

#endif
