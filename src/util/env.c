/* Memory by way of the env. */
#include "util/env.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *uvws__env_realloc(void *arg, void *ptr, size_t size) {
  (void)arg;
  if (size == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, size);
}

void *uvws__alloc(const struct uvws__env *env, size_t size) {
  return env->realloc(env->alloc_arg, NULL, size ? size : 1);
}

void *uvws__calloc(const struct uvws__env *env, size_t size) {
  void *ptr = uvws__alloc(env, size);
  if (ptr) memset(ptr, 0, size);
  return ptr;
}

void *uvws__realloc(const struct uvws__env *env, void *ptr, size_t size) {
  assert(size > 0);
  return env->realloc(env->alloc_arg, ptr, size);
}

void uvws__free(const struct uvws__env *env, void *ptr) {
  if (ptr) env->realloc(env->alloc_arg, ptr, 0);
}

char *uvws__strndup(const struct uvws__env *env, const char *text, size_t len) {
  char *copy = uvws__alloc(env, len + 1);
  if (!copy) return NULL;
  memcpy(copy, text, len);
  copy[len] = '\0';
  return copy;
}

char *uvws__strdup(const struct uvws__env *env, const char *text) {
  return text ? uvws__strndup(env, text, strlen(text)) : NULL;
}
