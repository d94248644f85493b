/*
 * What reaches a loop from other threads: a queue behind a mutex and a uv_async_t, one for a
 * context, made when the first uvws_async_t is. Everything else in the library belongs to the
 * loop's thread.
 *
 * Lifetime: the handle closes with its context; the memory goes when that is done and the last
 * uvws_async_t is freed, whichever thread that happens on.
 */
#ifndef UVWS_CONN_HUB_H
#define UVWS_CONN_HUB_H

#include <uv.h>

#include "uvws.h"

struct uvws__item;

struct uvws__hub {
  uv_async_t wake;
  uvws_context_t *ctx; /* of the loop's thread */
  void *(*realloc)(void *arg, void *ptr, size_t size);
  void *alloc_arg;

  uv_mutex_t mutex; /* guards what follows, and what an async says it guards */
  int is_closed;    /* nothing is taken any more */
  size_t holds;     /* one of the context, one of each async */
  struct uvws__item *first;
  struct uvws__item **last;
  size_t count;
  size_t users; /* asyncs that may still be given something: while there are any, and while
                 * something is queued, the handle keeps the loop alive */
};

struct uvws_async {
  struct uvws__hub *hub;
  size_t max_bytes;
  uvws_t *ws;               /* of the loop's thread; NULL: freed */
  uvws_async_t *next_of_ws; /* of the loop's thread */

  /* Guarded by the hub's mutex. */
  int is_free;       /* uvws_async_free was called */
  int is_dead;       /* `ws` is freed */
  size_t holds;      /* the user's, the client's, one of each item */
  size_t queued_len; /* payload of items that are queued or on their way */
};

int uvws__async_new(uvws_t *ws, size_t max_bytes, uvws_async_t **out);

/* The client is being freed: what is queued for it is its own from now on, to be told with what
 * waits. */
void uvws__async_forget(uvws_t *ws);
void uvws__async_tell_orphans(uvws_t *ws);

/* The context closes its handles: 1 when `on_closed` will be called for the hub's. */
int uvws__hub_close(uvws_context_t *ctx, uv_close_cb on_closed);
void uvws__hub_closed(struct uvws__hub *hub);

#endif
