/*
 * Reconnection: between two connections of a client. Each attempt is a connection from the
 * beginning, by the caller's options as the hook leaves them; what the caller hears of one that
 * ends, and whether there is another, is decided here.
 *
 *   retry.c   when to try again, waiting, giving up
 *   judge.c   which ends are worth it
 *   keep.c    messages that outlive their connection
 */
#ifndef UVWS_CONN_RETRY_H
#define UVWS_CONN_RETRY_H

#include "conn/context.h"

struct uvws__conn;
struct uvws__outgoing;
struct uvws__waiting;

struct uvws__retry {
  uvws_t *ws;
  uvws_options_t *options; /* whole, with `reconnect` */
  uint32_t attempt;        /* since the last connection that was stable */
  uint64_t opened_ms;      /* of the connection at hand; 0: it did not open */
  int is_over;             /* uvws_close or uvws_free was called: there is no other attempt */
  int is_waiting;          /* no connection; the deadline or the task is set */
  int is_in_close_all;
  struct uvws__deadline deadline; /* of the next attempt */
  struct uvws__task task;         /* the end, when it is asked for while waiting */

  /* Messages that outlive their connection: where the next one goes back to (NULL: the front), and
   * the payload of those that are on their way. */
  struct uvws__waiting **back_at;
  size_t kept_len;
};

/* `options` (the result of uvws__options_copy) becomes the retry's own, also when this fails. */
int uvws__retry_new(uvws_t *ws, uvws_options_t *options);
void uvws__retry_free(uvws_t *ws);

void uvws__retry_take_open(struct uvws__conn *c);
/* A connection ended. 1: another one is tried, the caller has been told. */
int uvws__retry_takes_over(struct uvws__conn *c);
/* No further attempt. While waiting: on_close follows from the loop. */
void uvws__retry_cancel(uvws_t *ws);

int uvws__should_retry(const uvws_retry_t *retry);

/* Are messages kept for the next connection? */
int uvws__is_keeping(const uvws_t *ws);
int uvws__keep_is_full(const uvws_t *ws, size_t more);
int uvws__keep_send(struct uvws__conn *c, const struct uvws__outgoing *out);
/* One that waited, which becomes the queue's own: 0 or an error, then it still waits. */
int uvws__keep_send_waiting(struct uvws__conn *c, struct uvws__waiting *w);

#endif
