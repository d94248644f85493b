/*
 * What the outside world gives us: memory, randomness, the clock, name look-up. All of it reaches
 * the code through one struct, so that a test can fix each: no test sleeps, every allocation can be
 * made to fail, mask keys can be known.
 */
#ifndef UVWS_UTIL_ENV_H
#define UVWS_UTIL_ENV_H

#include <stddef.h>
#include <stdint.h>

struct addrinfo;
struct uv_loop_s;
struct uv_getaddrinfo_s;

struct uvws__env {
  void *(*realloc)(void *arg, void *ptr, size_t size); /* realloc's contract; size 0 frees */
  void *alloc_arg;

  int (*random)(void *arg, void *out, size_t len); /* CSPRNG bytes; 0 or a negative error */
  uint64_t (*now_ms)(void *arg);                   /* monotonic; the loop's time */
  void *arg;

  /* uv_getaddrinfo's signature and contract. */
  int (*getaddrinfo)(struct uv_loop_s *loop, struct uv_getaddrinfo_s *req,
                     void (*cb)(struct uv_getaddrinfo_s *req, int status, struct addrinfo *res),
                     const char *node, const char *service, const struct addrinfo *hints);
};

/* The C library's realloc and free, as an allocator for an env. */
void *uvws__env_realloc(void *arg, void *ptr, size_t size);

void *uvws__alloc(const struct uvws__env *env, size_t size);              /* NULL: no memory */
void *uvws__calloc(const struct uvws__env *env, size_t size);             /* zeroed */
void *uvws__realloc(const struct uvws__env *env, void *ptr, size_t size); /* size > 0 */
void uvws__free(const struct uvws__env *env, void *ptr);                  /* NULL is accepted */
char *uvws__strdup(const struct uvws__env *env, const char *text);        /* NULL: NULL */
char *uvws__strndup(const struct uvws__env *env, const char *text, size_t len);

#endif
