/* One client of the echo server, from accept to the closed socket. */
#ifndef UVWS_CLI_ECHO_SESSION_H
#define UVWS_CLI_ECHO_SESSION_H

#include <uv.h>

#include "cli/echo_tls.h"

#define ECHO_CHUNK 65536

struct echo_session;

/* What all sessions share. */
struct echo_host {
  uv_loop_t *loop;
  struct echo_tls_context *tls; /* NULL: plain TCP */
  int is_logging;
  struct echo_session *first;                     /* all sessions, a list */
  void (*on_session_end)(struct echo_host *host); /* one has left the list */
  char raw[ECHO_CHUNK];                           /* what a socket read */
  char plain[ECHO_CHUNK];                         /* the same without TLS */
};

/* Take the client that waits on `listener`. 0 or an error. */
int echo_session_accept(struct echo_host *host, uv_stream_t *listener);

/* Close 1001 to every client, and a little time for its answer. */
void echo_sessions_stop(struct echo_host *host);

/* Cut every connection. */
void echo_sessions_drop(struct echo_host *host);

#endif
