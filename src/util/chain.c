/* A queue of bytes in pooled blocks. */
#include "util/chain.h"

#include <assert.h>
#include <string.h>

#include "util/errors.h"

/* 2 MiB stay in the pool: enough for a busy loop not to ask the allocator in its steady state. */
#define STOCK 32

void uvws__pool_init(struct uvws__pool *pool, const struct uvws__env *env) {
  memset(pool, 0, sizeof *pool);
  pool->env = env;
}

static struct uvws__block *pool_pop(struct uvws__pool *pool) {
  struct uvws__block *block = pool->free;
  pool->free = block->next;
  pool->free_count--;
  return block;
}

static void pool_push(struct uvws__pool *pool, struct uvws__block *block) {
  block->next = pool->free;
  pool->free = block;
  pool->free_count++;
}

static void pool_shrink(struct uvws__pool *pool, size_t count) {
  while (pool->free_count > count)
    uvws__free(pool->env, pool_pop(pool));
}

void uvws__pool_deinit(struct uvws__pool *pool) {
  pool_shrink(pool, 0);
}

void uvws__pool_trim(struct uvws__pool *pool) {
  pool_shrink(pool, STOCK);
}

int uvws__pool_reserve(struct uvws__pool *pool, size_t len) {
  /* The chain's last block may be full: one more than the bytes alone need. */
  size_t need = len / UVWS__BLOCK_SIZE + 2;
  while (pool->free_count < need) {
    struct uvws__block *block = uvws__alloc(pool->env, sizeof *block);
    if (!block) return UVWS__ENOMEM;
    pool_push(pool, block);
  }
  return 0;
}

uint8_t *uvws__chain_room(struct uvws__chain *chain, struct uvws__pool *pool, size_t *room) {
  struct uvws__block *last = chain->last;
  if (!last || last->end == UVWS__BLOCK_SIZE) {
    assert(pool->free);
    last = pool_pop(pool);
    last->next = NULL;
    last->begin = last->end = 0;
    if (chain->last)
      chain->last->next = last;
    else
      chain->first = last;
    chain->last = last;
  }
  *room = UVWS__BLOCK_SIZE - last->end;
  return last->data + last->end;
}

void uvws__chain_advance(struct uvws__chain *chain, size_t len) {
  assert(len <= UVWS__BLOCK_SIZE - chain->last->end);
  chain->last->end += (uint32_t)len;
  chain->len += len;
}

void uvws__chain_append(struct uvws__chain *chain, struct uvws__pool *pool, const void *data,
                        size_t len) {
  const uint8_t *from = data;
  while (len) {
    size_t room;
    uint8_t *to = uvws__chain_room(chain, pool, &room);
    size_t n = len < room ? len : room;
    memcpy(to, from, n);
    uvws__chain_advance(chain, n);
    from += n;
    len -= n;
  }
}

static void drop_first(struct uvws__chain *chain, struct uvws__pool *pool) {
  struct uvws__block *block = chain->first;
  chain->first = block->next;
  if (!chain->first) chain->last = NULL;
  pool_push(pool, block);
}

void uvws__chain_consume(struct uvws__chain *chain, struct uvws__pool *pool, size_t len) {
  assert(len <= chain->len);
  chain->len -= len;
  while (chain->first) {
    struct uvws__block *block = chain->first;
    size_t n = block->end - block->begin;
    if (n > len) {
      block->begin += (uint32_t)len;
      return;
    }
    len -= n;
    drop_first(chain, pool);
  }
}

void uvws__chain_splice(struct uvws__chain *to, struct uvws__chain *from) {
  if (!from->first) return;
  if (to->last)
    to->last->next = from->first;
  else
    to->first = from->first;
  to->last = from->last;
  to->len += from->len;
  memset(from, 0, sizeof *from);
}

void uvws__chain_clear(struct uvws__chain *chain, struct uvws__pool *pool) {
  uvws__chain_consume(chain, pool, chain->len);
}
