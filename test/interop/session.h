/* One connection to a server, from a row that says what is sent and what must come of it. */
#ifndef UVWS_TEST_INTEROP_SESSION_H
#define UVWS_TEST_INTEROP_SESSION_H

#include "uvws.h"

/* Where the server is and how its certificate is judged. */
struct target {
  const char *scheme; /* "ws" or "wss" */
  const char *host;
  uint16_t port;
  const char *ca_file; /* for wss */
  int is_compressed;   /* permessage-deflate is offered, and must be agreed */
};

/* `text`, or when that is NULL a pattern of `len` bytes: letters in a text, every byte value in a
 * binary message. `kind` 0 ends a list. */
struct message {
  uvws_kind_t kind;
  const char *text;
  size_t len;
};

#define SESSION_MESSAGES 8
#define SESSION_PROTOCOLS 4

enum session_flags {
  SEND_EARLY = 1,    /* send before uvws_connect, not in on_open */
  IS_STREAM = 2,     /* one message comes back in pieces: only its bytes in order count */
  IS_CUT = 4,        /* the server drops the connection: any of the errors for that will do */
  IS_SILENT = 8,     /* nothing is echoed: `send` is not expected back */
  KEEPS_SENDING = 16 /* what comes behind the expected messages is no mistake */
};

struct row {
  const char *name; /* a sentence */
  unsigned servers; /* bits: which servers can do this */
  const char *path;
  unsigned flags;

  const char *protocols[SESSION_PROTOCOLS];
  const char *protocol; /* as answered; NULL: none */

  struct message send[SESSION_MESSAGES];
  const char *ping; /* sent when open; its pong must come */

  struct message expect[SESSION_MESSAGES]; /* what comes first; then, of echoing servers, `send` */
  int pings;                               /* that the server sends */

  /* How it ends. With none of these the client closes with 1000 when all has come. */
  int close_code; /* what the server closes with */
  const char *close_reason;
  int error; /* the code given to on_error */
  int status;
  const char *body;
};

/* Run `row` on a loop of its own and judge all of it, by cmocka's asserts. */
void session_run(const struct target *target, const struct row *row);

#endif
