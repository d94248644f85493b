/*
 * The client and its connection. A client lives from uvws_new to uvws_free; a connection from
 * uvws_connect to on_close. Memory of a connection is freed from the loop only, never below user
 * code, so code here may look at its connection again behind a callback.
 *
 *   conn.c      the state table; birth and end
 *   connect.c   connecting, securing, upgrading
 *   proxy.c     which proxy
 *   tunnel.c    the talk with it
 *   redirect.c  following redirects
 *   receive.c   bytes in, events out
 *   send.c      messages in, bytes out; completions
 *   lend.c      large messages that are not copied
 *   finish.c    the closing handshake, failing, draining
 *   keepalive.c Pings, round trips, dead peers, idle connections
 *   stats.c, trace.c   what it all amounts to, and how it goes
 *   retry.h     reconnection
 *   hub.h       what comes from other threads
 *   close_all.c the end of all connections of a context
 *   deliver.c   the only caller of user code
 */
#ifndef UVWS_CONN_CONN_H
#define UVWS_CONN_CONN_H

#include "conn/context.h"
#include "conn/hub.h"
#include "conn/retry.h"
#include "conn/trace.h"
#include "conn/tunnel.h"
#include "proto/close_code.h"
#include "proto/handshake.h"
#include "proto/inbound.h"

enum uvws__conn_state {
  CONN_NEW = 0,
  CONN_CONNECTING,  /* name and TCP */
  CONN_TUNNELLING,  /* the talk with a proxy, its TLS included */
  CONN_SECURING,    /* TLS */
  CONN_REDIRECTING, /* the transport of one hop closes, the next hop follows */
  CONN_UPGRADING,   /* HTTP */
  CONN_OPEN,
  CONN_CLOSING,  /* our Close is sent or queued, the peer's is awaited */
  CONN_DRAINING, /* nothing more to say: what is queued leaves, then the peer's end is awaited */
  CONN_CUT,      /* the transport (or dialler) is closing */
  CONN_STATE_COUNT
};

/* Who hears of a message that went out, or did not. */
struct uvws__sent {
  uint64_t end; /* done when this many bytes are with the kernel */
  uvws_send_cb cb;
  void *arg;
};

/* A queue of them: a ring that grows. */
struct uvws__sent_queue {
  struct uvws__sent *ring;
  uint32_t cap;
  uint32_t first;
  uint32_t count;
};

/* A message that waits for the connection to open. */
struct uvws__waiting {
  struct uvws__waiting *next;
  uvws_kind_t kind;
  unsigned flags;
  uvws_send_cb cb;
  void *arg;
  size_t len;
  uint8_t data[];
};

/* A message that was lent. */
struct uvws__loan {
  struct uvws__loan *next;
  struct uvws__frame_out frame;
  const uint8_t *data; /* not masked yet; borrowed until the completion fires */
  size_t len;
  struct uvws__chain behind; /* what was queued behind it */
};

/* All of them, the oldest first: its frame, or what is left of it, follows the last byte of `out`.
 */
struct uvws__lending {
  struct uvws__loan *first;
  struct uvws__loan *last;
  size_t len; /* bytes that are not in `out` yet */
  struct uvws__loan *spare;
  size_t spare_count;
};

struct uvws__conn;
struct uvws__keepalive;

struct uvws {
  uvws_context_t *ctx;
  uvws_t *next; /* of the context's clients */
  uvws_t *prev;
  uvws_callbacks_t callbacks;
  void *user;
  uint64_t id;                /* 1 for the context's first client, and never given again */
  struct uvws__conn *conn;    /* NULL: closed */
  struct uvws__retry *retry;  /* NULL: it does not connect by itself */
  uvws_async_t *asyncs;       /* mailboxes for other threads */
  struct uvws__item *orphans; /* what was in them when the client was freed */
  struct uvws__conn *ended;   /* during on_close: the connection that it is about */
  struct uvws__task task;     /* completions that uvws_free still owes */

  uint8_t is_telling;    /* the end of a wait is being told: uvws_free must wait for it */
  uint8_t was_connected; /* uvws_connect has succeeded once */
  uint8_t is_freed;      /* uvws_free was called: nobody holds it but its connection */
  uint8_t is_above;      /* the high mark was reached, on_drain is owed */
  uint8_t is_beginning;  /* uvws_connect is at work: uvws_free, from within it, must wait */
  uint8_t is_called_off; /* it was closed from within that */

  struct uvws__waiting *waiting; /* before the connection is open */
  struct uvws__waiting **waiting_end;
  size_t waiting_len;

  /* Back-pressure. */
  struct uvws__marks {
    size_t high;
    size_t low;
    size_t max;
  } marks;

  struct uvws__counters counters;
  struct uvws__rtt rtt;
  struct uvws__phases phases; /* of the last handshake */
};

/* What only a connection that is not open yet needs. */
struct uvws__opening {
  uvws_options_t *options;
  struct uvws__uri uri;
  uint16_t port;
  struct uvws__dial *dial;
  struct uvws__tunnel *tunnel; /* NULL: no proxy */
  struct uvws__uri redirect;   /* while redirecting: where to */
  unsigned redirects;          /* followed so far */
  int is_hop_closing;          /* the transport of the hop before is on its way out */
  int is_secured;              /* TLS is done */
  struct uvws__deflate_offer offer;
  char offer_text[UVWS__OFFER_MAX]; /* "": none */
  char key[UVWS__KEY_LEN + 1];
  struct uvws__tls_settings *tls;
  struct uvws__head *head; /* the answer, of the proxy first; NULL: none was asked for yet */
  uint64_t phase_us;       /* when the phase at hand began */
};

/* What the user hears at the end. */
struct uvws__ending {
  int error;              /* for on_error; 0: none */
  int code;               /* of the peer's Close */
  uint8_t has_sent_close; /* our Close is queued */
  uint8_t has_received_close;
  uint8_t has_expired; /* idle: the error is told at the end, and the end may be clean */
  uint8_t reason_len;
  char *reason;                /* of the peer's Close; NULL: empty (or no memory for it) */
  struct uvws__detail *detail; /* our words; NULL: none (or no memory for them) */
};

struct uvws__conn {
  uvws_context_t *ctx;
  uvws_t *ws;
  struct uvws__deadline deadline; /* of the state */
  enum uvws__conn_state state;
  uint32_t close_timeout_ms;
  struct uvws__transport *transport;
  struct uvws__opening *opening;   /* NULL once open */
  struct uvws__tls_info *tls_info; /* NULL until somebody asks */
  struct uvws__fields answer;      /* of the server's, once open */
  const char *protocol;            /* points into them */
  uint64_t end_by_ms;              /* no deadline goes beyond; 0: none */
  int write_error;                 /* met inside a call: told from the loop */
  uint8_t is_tls;                  /* the transport's TLS is with the server */
  uint8_t is_in_close_all;
  uint8_t is_shut;
  uint8_t is_receiving; /* on_data is below us on the stack: it flushes when it is done */
  uint8_t is_paused;
  uint8_t is_held; /* reading is stopped */
  struct uvws__pieces {
    uint8_t opcode; /* of the next fragment; 0 behind the first */
    uint8_t is_begun;
    uint8_t is_compressed;
  } pieces; /* the message that is being sent in pieces */
  struct uvws__ending ending;
  struct uvws__keepalive *keepalive; /* NULL: none is wanted */
  uint64_t heard_ms;                 /* when bytes came last; 0: not since the last Ping */

  /* In. */
  struct uvws__inbound inbound;
  struct uvws__framer *reader; /* while inside a frame */
  size_t stuck_answers;        /* bytes of Pongs queued since a write got stuck */
  struct uvws__bytes stash;    /* what had been read when the user paused */

  /* Out. */
  struct uvws__chain out;
  struct uvws__lending *lending; /* NULL: nothing was ever lent */
  size_t writing;   /* bytes at the head of `out` that the transport has and the kernel not yet */
  size_t unsent;    /* of these, when we last looked whether the peer takes any */
  uint64_t written; /* bytes ever handed to the kernel; with out.len, all ever queued */
  struct uvws__sent_queue sent;
  struct uvws__task task;
  struct uvws__packer {
    struct uvws__deflater *deflater; /* NULL until needed */
    struct uvws__deflater_options options;
    size_t threshold;
  } packer;
};

/* conn.c */
int uvws__conn_new(uvws_t *ws, uvws_options_t *options, struct uvws__conn **out);
void uvws__conn_free(struct uvws__conn *c); /* one that has not begun, or has ended */
void uvws__conn_go(struct uvws__conn *c, enum uvws__conn_state to);
void uvws__conn_on_resolved(void *arg); /* the dialler has addresses */
void uvws__conn_set_deadline(struct uvws__conn *c, uint32_t timeout_ms);
void uvws__conn_end(struct uvws__conn *c); /* everything is closed: the last callbacks, then free */
void uvws__opening_free(struct uvws__conn *c);
/* Of the server's answer, or the proxy's refusal; NULL: absent. */
const char *uvws__conn_field(const struct uvws__conn *c, const char *name);

/* connect.c */
int uvws__conn_connect(struct uvws__conn *c, struct uvws__detail *detail);
int uvws__conn_hop(struct uvws__conn *c, struct uvws__detail *detail); /* towards opening->uri */
int uvws__conn_dial(struct uvws__conn *c,
                    struct uvws__detail *detail); /* the server or the proxy */
void uvws__conn_tunnelled(struct uvws__conn *c);  /* the transport leads to the server */
void uvws__conn_on_secured(struct uvws__conn *c);
void uvws__conn_upgrade(struct uvws__conn *c, const uint8_t *data, size_t len);
int uvws__conn_upgrade_end(struct uvws__conn *c); /* 1: the end completed a refusal, all is done */

/* redirect.c */
int uvws__conn_redirect(struct uvws__conn *c); /* 0: the answer is no redirect to be followed */
void uvws__conn_follow_redirect(struct uvws__conn *c);

/* receive.c */
extern const struct uvws__transport_events uvws__conn_events;
void uvws__conn_receive(struct uvws__conn *c, const uint8_t *data, size_t len);
void uvws__conn_pause(struct uvws__conn *c);
void uvws__conn_resume(struct uvws__conn *c);
void uvws__conn_receive_stash(struct uvws__conn *c);
void uvws__conn_read_as_due(struct uvws__conn *c); /* start or stop reading, as things stand */

/* send.c */
struct uvws__outgoing {
  uvws_kind_t kind;
  unsigned flags;
  const uint8_t *data;
  size_t len;
  uvws_send_cb cb;
  void *arg;
};
int uvws__conn_send(struct uvws__conn *c, const struct uvws__outgoing *out);
int uvws__conn_may_send(const struct uvws__conn *c, const struct uvws__outgoing *out);
int uvws__conn_send_message(struct uvws__conn *c, const struct uvws__outgoing *out);
/* One data frame; with the completion that is due behind it. */
int uvws__conn_send_frame(struct uvws__conn *c, struct uvws__frame_out *frame,
                          const struct uvws__outgoing *out);
size_t uvws__conn_buffered(const struct uvws__conn *c);
int uvws__conn_is_full(const struct uvws__conn *c, size_t more); /* beyond max_buffered */
int uvws__conn_send_control(struct uvws__conn *c, uint8_t opcode, const uint8_t *data, size_t len);
void uvws__conn_send_waiting(struct uvws__conn *c);
void uvws__conn_complete(struct uvws__conn *c,
                         int status); /* status 0: those that are done; else all */

/* lend.c */
#define UVWS__LEND_MIN ((size_t)2 * UVWS__BLOCK_SIZE) /* what is shorter is copied at once */
/* Masked and written at a time: less is still warm when the kernel takes it, more needs fewer
 * system calls (bench/README.md). */
#define UVWS__MASK_STEP ((size_t)8 * UVWS__BLOCK_SIZE)
/* Put a frame, or a part of one, behind all that is queued; its room was reserved. */
void uvws__lending_append(struct uvws__conn *c, struct uvws__frame_out *frame, const uint8_t *data,
                          size_t len);
int uvws__loan_new(struct uvws__conn *c, struct uvws__loan **out); /* 0 or UV_ENOMEM */
void uvws__lend(struct uvws__conn *c, struct uvws__loan *loan);
int uvws__lending_draw(struct uvws__conn *c); /* from loans into `out`. 0 or UV_ENOMEM */
void uvws__lending_clear(struct uvws__conn *c);
void uvws__lending_free(struct uvws__conn *c);
/* Bytes that the kernel has not taken yet, loans and what is behind them included. */
static inline size_t uvws__conn_queued(const struct uvws__conn *c) {
  return c->out.len + (c->lending ? c->lending->len : 0);
}

/* flush.c */
void uvws__conn_flush(struct uvws__conn *c);       /* from the loop: writes, completes, fails */
void uvws__conn_flush_later(struct uvws__conn *c); /* from anywhere */
void uvws__conn_push(struct uvws__conn *c);        /* from anywhere: writes and does no more */
void uvws__conn_on_written(struct uvws__conn *c, int status);
int uvws__conn_has_progressed(struct uvws__conn *c); /* 1: the kernel took bytes since last asked */

/* pack.c */
int uvws__conn_is_packed(const struct uvws__conn *c, size_t len, unsigned flags);
int uvws__conn_pack(struct uvws__conn *c, const uint8_t *data, size_t len, int is_last,
                    struct uvws__bytes *out);
void uvws__conn_unpack(struct uvws__conn *c); /* what was packed last did not leave */
int uvws__conn_pieces_begin(struct uvws__conn *c, uvws_kind_t kind, unsigned flags);
int uvws__conn_pieces_write(struct uvws__conn *c, const uint8_t *data, size_t len, int is_last,
                            uvws_send_cb cb, void *arg);

/* finish.c */
int uvws__conn_close(struct uvws__conn *c, int code, const char *reason, size_t reason_len);
void uvws__conn_take_close(struct uvws__conn *c, const struct uvws__inbound_event *event);
void uvws__conn_fail(struct uvws__conn *c, int err, int close_code, const char *detail);
void uvws__conn_expire(struct uvws__conn *c, int err); /* while open */
void uvws__conn_cut(struct uvws__conn *c); /* close the transport; on_close follows from the loop */
void uvws__conn_drained(struct uvws__conn *c); /* all that was queued is out, or may be */
void uvws__conn_on_end(struct uvws__conn *c, int err, const char *detail);
void uvws__conn_on_deadline(struct uvws__deadline *deadline);

/* keepalive.c */
int uvws__keepalive_new(struct uvws__conn *c, const uvws_options_t *options); /* 0 or UV_ENOMEM */
void uvws__keepalive_start(struct uvws__conn *c);
void uvws__keepalive_stop(struct uvws__conn *c);
void uvws__keepalive_free(struct uvws__conn *c);
/* 1: it answers a Ping of ours, of which the caller knows nothing. */
int uvws__keepalive_take_pong(struct uvws__conn *c, const uint8_t *data, size_t len);

/* async.c, called from any thread */
int uvws__async_send(uvws_async_t *async, const struct uvws__outgoing *out);
int uvws__async_close(uvws_async_t *async, int code, const char *reason, size_t reason_len);
void uvws__async_free(uvws_async_t *async);

/* close_all.c */
struct uvws__farewell {
  int code;
  const char *reason;
  size_t reason_len;
  uint32_t timeout_ms;
};
int uvws__context_close_all(uvws_context_t *ctx, const struct uvws__farewell *farewell,
                            uvws_close_all_cb cb, void *arg);
void uvws__close_all_take_end(struct uvws__conn *c);
void uvws__close_all_count_down(uvws_context_t *ctx);

/* deliver.c */
void uvws__deliver_open(struct uvws__conn *c);
int uvws__deliver_password(void *asked, char *out, size_t cap);
int uvws__deliver_verify(void *owner, int err, const char *message, const uvws_tls_info_t *info);
void uvws__deliver_message(struct uvws__conn *c, const struct uvws__inbound_event *event);
void uvws__deliver_chunk(struct uvws__conn *c, const struct uvws__inbound_event *event);
void uvws__deliver_control(struct uvws__conn *c, int type, const struct uvws__inbound_event *event);
void uvws__deliver_drain(struct uvws__conn *c);
void uvws__deliver_error(uvws_t *ws, const uvws_error_t *error);
void uvws__deliver_retry(uvws_t *ws, const uvws_retry_t *retry);
/* What they are told of a connection. The error: 1, or 0 when there was none. */
int uvws__ending_error(const struct uvws__conn *c, uvws_error_t *out);
void uvws__ending_close_info(const struct uvws__conn *c, uvws_close_info_t *out);
void uvws__deliver_close(uvws_t *ws, const uvws_close_info_t *info);

/* client.c */
int uvws__client_new(uvws_context_t *ctx, const uvws_callbacks_t *callbacks, void *user,
                     uvws_t **out);
void uvws__client_set_callbacks(uvws_t *ws, const uvws_callbacks_t *callbacks);
int uvws__client_tls_info(uvws_t *ws, const uvws_tls_info_t **out);
int uvws__client_connect(uvws_t *ws, const uvws_options_t *options);
int uvws__client_begin(uvws_t *ws, const uvws_options_t *options, struct uvws__detail *detail);
int uvws__client_send(uvws_t *ws, const struct uvws__outgoing *out);
int uvws__client_close(uvws_t *ws, int code, const char *reason, size_t reason_len);
void uvws__client_push_waiting(uvws_t *ws, struct uvws__waiting *w);
int uvws__waiting_new(uvws_t *ws, const struct uvws__outgoing *out, struct uvws__waiting **w);
void uvws__client_free(uvws_t *ws);
void uvws__client_unpop_waiting(uvws_t *ws, struct uvws__waiting *w);
void uvws__client_pop_waiting(uvws_t *ws);  /* unlinks the first */
void uvws__client_drop_waiting(uvws_t *ws); /* tells their callbacks */
void uvws__client_destroy(uvws_t *ws);

#endif
