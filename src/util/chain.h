/*
 * A queue of bytes in blocks of 64 KiB, four full TLS records. Blocks come from a pool that all
 * chains of a loop share and go back as soon as they are read, so an empty chain holds no
 * memory and a busy one reuses the blocks that are warm in the cache. Bytes never move once they
 * are in.
 */
#ifndef UVWS_UTIL_CHAIN_H
#define UVWS_UTIL_CHAIN_H

#include "util/env.h"

#define UVWS__BLOCK_SIZE 65536

struct uvws__block {
  struct uvws__block *next;
  uint32_t begin; /* of the bytes not read yet */
  uint32_t end;
  uint8_t data[UVWS__BLOCK_SIZE];
};

struct uvws__pool {
  const struct uvws__env *env;
  struct uvws__block *free;
  size_t free_count;
};

struct uvws__chain {
  struct uvws__block *first;
  struct uvws__block *last;
  size_t len; /* bytes in it */
};

void uvws__pool_init(struct uvws__pool *pool, const struct uvws__env *env);
void uvws__pool_deinit(struct uvws__pool *pool);

/* Have blocks for `len` more bytes in the pool, so that adding them cannot fail. 0 or UV_ENOMEM. */
int uvws__pool_reserve(struct uvws__pool *pool, size_t len);

/* Give back to the system what is beyond a modest stock. */
void uvws__pool_trim(struct uvws__pool *pool);

/* Where the next bytes go: `*room` of them, at least one, behind the last byte. Call
 * uvws__chain_advance with how many were put there. The room must have been reserved. */
uint8_t *uvws__chain_room(struct uvws__chain *chain, struct uvws__pool *pool, size_t *room);
void uvws__chain_advance(struct uvws__chain *chain, size_t len);

/* Copy bytes in; their room must have been reserved. */
void uvws__chain_append(struct uvws__chain *chain, struct uvws__pool *pool, const void *data,
                        size_t len);

/* Drop the first `len` bytes. */
void uvws__chain_consume(struct uvws__chain *chain, struct uvws__pool *pool, size_t len);

/* Move all of `from` behind all of `to`, without a copy. */
void uvws__chain_splice(struct uvws__chain *to, struct uvws__chain *from);

void uvws__chain_clear(struct uvws__chain *chain, struct uvws__pool *pool);

#endif
