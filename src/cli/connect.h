/* `uvws connect`: what its parts share. One struct for the one connection of the process. */
#ifndef UVWS_CLI_CONNECT_H
#define UVWS_CLI_CONNECT_H

#include <uv.h>

#include "cli/connect_options.h"
#include "cli/input.h"
#include "cli/output.h"

struct connect {
  struct cli_connect_options options;
  uv_loop_t loop;
  uvws_context_t *context;
  uvws_t *ws;
  struct cli_input input;
  struct cli_output output;
  uv_signal_t interrupt;
  uv_signal_t terminate;
  uv_signal_t hangup;
  uv_timer_t linger;
  uv_timer_t ping;
  uv_prepare_t flush;
  int has_colors;       /* messages may be coloured */
  int has_error_colors; /* so may what goes to standard error */

  size_t pending;    /* sends whose callback is due */
  int is_incomplete; /* a line did not leave */
  int is_open;
  int has_ended;    /* no more lines will come */
  int is_lingering; /* everything is sent */
  int is_held;      /* paused until standard output has taken more */
  int signal_count;
  int status;

  uint64_t started_ns;
  uint64_t pings_sent;
  uint64_t pongs_seen;
  uint64_t pinged_ns; /* when the last one left */
};

/*
 * connect_show.c: what a person sees
 */

void cli_connect_choose_colors(struct connect *c);

/* A message as a line of standard output. 0 or UV_ENOMEM. */
int cli_connect_show_message(struct connect *c, const uint8_t *data, size_t len);

/* A line of standard error, "uvws: ..."; the bytes at `text` are a stranger's (NULL for none).
 * While lines are edited it takes its turn with the messages. */
void cli_connect_tell(struct connect *c, const char *ours, const void *text, size_t len);

/* The same for what went wrong: the exit status becomes 1. */
void cli_connect_fail(struct connect *c, int err, const char *message);

/* The first lines of what an HTTP server says instead of a handshake. */
void cli_connect_show_body(struct connect *c, const uint8_t *body, size_t len);

/*
 * connect_watch.c: Pings of ours, control frames, timing
 */

void cli_connect_watch_start(struct connect *c);
void cli_connect_watch_open(struct connect *c);
/* A control frame, ours ("> ping") or the server's. */
void cli_connect_watch_frame(struct connect *c, const char *what, const void *payload, size_t len);
void cli_connect_watch_pong(struct connect *c, const uint8_t *data, size_t len);
void cli_connect_watch_close(struct connect *c, const uvws_close_info_t *info);

#endif
