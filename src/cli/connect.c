/*
 * `uvws connect URI`: lines of standard input become messages, messages become lines of standard
 * output.
 *
 * The end of the input ends the connection in steps: all that is queued leaves; then a Ping, whose
 * Pong shows that the server has read it all (a server that answers from another task than the one
 * that reads drops its answers when a Close arrives first); then the closing handshake, during
 * which messages are still printed. --linger puts a time in the place of the Ping.
 */
#include "cli/connect.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/editor.h"
#include "cli/password.h"

#define HOLD_ABOVE ((size_t)1024 * 1024) /* of what standard output has not taken */
#define PONG_WITHIN_MS 2000

static const char last_ping[] = "end of input";

static void step(struct connect *c);

/* Everything that keeps the loop alive, but for the connection. */
static void close_handles(struct connect *c) {
  cli_input_close(&c->input);
  uv_handle_t *const handles[] = {(uv_handle_t *)&c->interrupt, (uv_handle_t *)&c->terminate,
                                  (uv_handle_t *)&c->hangup,    (uv_handle_t *)&c->linger,
                                  (uv_handle_t *)&c->ping,      (uv_handle_t *)&c->flush};
  for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
    if (!uv_is_closing(handles[i])) uv_close(handles[i], NULL);
}

static void start_close(struct connect *c, int code) {
  c->has_ended = 1;
  c->is_lingering = 1;
  cli_input_close(&c->input);
  uv_timer_stop(&c->linger);
  if (c->is_open && uvws_state(c->ws) == UVWS_STATE_OPEN && c->options.shows_control)
    cli_connect_tell(c, code == 1000 ? "> close 1000" : "> close 1001", NULL, 0);
  int err = uvws_close(c->ws, code, NULL, 0);
  if (err != 0) {
    cli_connect_fail(c, err, uvws_strerror(err));
    uvws_free(c->ws); /* on_close still comes */
    c->ws = NULL;
  }
}

/*
 * Output
 */

/* A reader that went away (`| head`) is not worth a word. */
static void fail_output(struct connect *c, int err) {
  c->status = CLI_FAILED;
  if (err != UV_EPIPE) cli_connect_fail(c, err, "standard output cannot be written");
  if (c->ws != NULL) start_close(c, 1001);
}

/* A reader that is slow slows down the server. Not while closing: the server's Close is behind its
 * messages, and must come within close_timeout_ms. */
static void hold_or_let_go(struct connect *c) {
  if (c->ws == NULL) return;
  size_t queued = cli_output_queued(&c->output);
  if (!c->is_held && queued > HOLD_ABOVE && uvws_state(c->ws) == UVWS_STATE_OPEN) {
    c->is_held = 1;
    uvws_pause(c->ws);
  } else if (c->is_held && queued <= HOLD_ABOVE / 2) {
    c->is_held = 0;
    uvws_resume(c->ws);
  }
}

static void end_when_written(struct connect *c) {
  if (c->ws == NULL && cli_output_queued(&c->output) == 0) close_handles(c);
}

static void on_written(void *owner, int err) {
  struct connect *c = owner;
  if (err != 0) fail_output(c, err);
  hold_or_let_go(c);
  end_when_written(c);
}

static void on_flush(uv_prepare_t *handle) {
  struct connect *c = handle->data;
  uv_prepare_stop(handle);
  cli_output_flush(&c->output);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  (void)kind;
  struct connect *c = user;
  if (c->output.err != 0) return;
  if (c->signal_count > 0 && cli_output_queued(&c->output) > HOLD_ABOVE) return;
  int err = cli_connect_show_message(c, data, len);
  if (err != 0) {
    fail_output(c, err);
    return;
  }
  uv_prepare_start(&c->flush, on_flush);
  hold_or_let_go(c);
}

/*
 * Input
 */

static void on_sent(uvws_t *ws, int status, void *arg) {
  (void)ws;
  struct connect *c = arg;
  c->pending--;
  if (status != 0) {
    c->is_incomplete = 1;
    return;
  }
  step(c);
}

static void on_drain(uvws_t *ws, void *user) {
  (void)ws;
  struct connect *c = user;
  cli_input_resume(&c->input);
}

static void on_line(void *owner, const char *line, size_t len) {
  struct connect *c = owner;
  uvws_kind_t kind = c->options.is_binary ? UVWS_BINARY : UVWS_TEXT;
  unsigned flags = c->options.is_compressing ? UVWS_SEND_COMPRESSED : 0;
  int err = uvws_send(c->ws, kind, line, len, flags, on_sent, c);
  if (err >= 0) {
    c->pending++;
    if (err == UVWS_ABOVE_MARK) cli_input_pause(&c->input);
    return;
  }
  c->is_incomplete = 1;
  if (err == UVWS_ENOTOPEN) {
    cli_input_close(&c->input); /* on_close is on its way */
  } else {
    cli_connect_fail(c, err, "a line cannot be sent");
    start_close(c, 1001);
  }
}

static void on_input_end(void *owner, int err) {
  struct connect *c = owner;
  if (err != 0) cli_connect_fail(c, err, "standard input cannot be read");
  c->has_ended = 1;
  step(c);
}

static const struct cli_input_events input_events = {on_line, on_input_end};

/*
 * The end
 */

/* While nothing is read no Pong can come. */
static void on_linger(uv_timer_t *timer) {
  struct connect *c = timer->data;
  if (c->is_held && c->options.linger_ms == CLI_NO_LINGER)
    uv_timer_start(timer, on_linger, PONG_WITHIN_MS, 0);
  else
    start_close(c, 1000);
}

static void on_ping(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  cli_connect_watch_frame(user, "< ping", data, len);
  cli_connect_watch_frame(user, "> pong", data, len);
}

static void on_pong(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  struct connect *c = user;
  cli_connect_watch_pong(c, data, len);
  if (!c->is_lingering || c->options.linger_ms != CLI_NO_LINGER) return;
  if (len == sizeof last_ping - 1 && memcmp(data, last_ping, len) == 0) start_close(c, 1000);
}

/* Once the input has ended and all of it is with the kernel: linger, then close. */
static void step(struct connect *c) {
  if (!c->is_open || !c->has_ended || c->pending > 0 || c->is_lingering) return;
  c->is_lingering = 1;
  uint64_t wait_ms = c->options.linger_ms;
  if (c->options.linger_ms == CLI_NO_LINGER) {
    wait_ms = PONG_WITHIN_MS;
    if (uvws_ping(c->ws, last_ping, sizeof last_ping - 1) == 0)
      cli_connect_watch_frame(c, "> ping", last_ping, sizeof last_ping - 1);
    else
      wait_ms = 0;
  }
  uv_timer_start(&c->linger, on_linger, wait_ms, 0);
}

/* A write that waits for its reader cannot be called off, and the end of the process would wait for
 * its thread. */
static void leave_at_once(struct connect *c) {
  cli_editor_reset_terminal(c->input.editor);
  fflush(stderr);
  _Exit(c->status);
}

/* The first signal asks politely, the second does not wait; but the shell repeats what the terminal
 * said when it went. */
static void on_signal(uv_signal_t *handle, int number) {
  struct connect *c = handle->data;
  if (number == SIGHUP && c->signal_count > 0) return;
  if (c->signal_count++ == 0 && c->ws != NULL) {
    start_close(c, 1001);
    return;
  }
  c->status = 128 + number;
  if (cli_output_queued(&c->output) > 0) leave_at_once(c);
  if (c->ws == NULL) return;
  uvws_set_callbacks(c->ws, NULL);
  uvws_free(c->ws);
  c->ws = NULL;
  close_handles(c);
}

/*
 * The connection
 */

static void on_open(uvws_t *ws, void *user) {
  struct connect *c = user;
  c->is_open = 1;
  if (c->options.is_verbose) {
    const char *protocol = uvws_protocol(ws);
    cli_connect_tell(c, "open, subprotocol ", protocol != NULL ? protocol : "none",
                     strlen(protocol != NULL ? protocol : "none"));
  }
  cli_connect_watch_open(c);
  step(c);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  cli_connect_fail(user, error->code, error->message);
  cli_connect_show_body(user, error->body, error->body_len);
}

static int is_ordinary(int code) {
  return code == 1000 || code == 1001 || code == 1005;
}

static void tell_close(struct connect *c, const uvws_close_info_t *info) {
  char ours[32];
  cli_connect_watch_close(c, info);
  if (!info->was_clean && !c->options.is_verbose) return; /* on_error has told why */
  if (is_ordinary(info->code) && !c->options.is_verbose) return;
  snprintf(ours, sizeof ours, "closed: %d%s", info->code, info->reason_len > 0 ? " " : "");
  cli_connect_tell(c, ours, info->reason, info->reason_len);
}

/* Signals are heard until everything is written. */
static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  (void)ws;
  struct connect *c = user;
  if (!info->was_clean) c->status = CLI_FAILED;
  tell_close(c, info);
  uvws_free(c->ws);
  c->ws = NULL;
  cli_input_close(&c->input);
  uv_timer_stop(&c->ping);
  uv_timer_stop(&c->linger);
  cli_output_flush(&c->output);
  end_when_written(c);
}

static const uvws_callbacks_t callbacks = {
    .size = sizeof callbacks,
    .on_open = on_open,
    .on_message = on_message,
    .on_error = on_error,
    .on_close = on_close,
    .on_ping = on_ping,
    .on_pong = on_pong,
    .on_drain = on_drain,
};

/* So says nohup(1) that the end of the terminal is none of the program's business. */
static int is_hangup_ignored(void) {
#if defined(_WIN32)
  return 0;
#else
  struct sigaction found;
  return sigaction(SIGHUP, NULL, &found) == 0 && found.sa_handler == SIG_IGN;
#endif
}

static int start_signal(struct connect *c, uv_signal_t *handle, int number) {
  int err = uv_signal_init(&c->loop, handle);
  handle->data = c;
  if (err != 0 || (number == SIGHUP && is_hangup_ignored())) return err;
  return uv_signal_start(handle, on_signal, number);
}

static int start_handles(struct connect *c) {
  uv_prepare_init(&c->loop, &c->flush);
  uv_timer_init(&c->loop, &c->linger);
  uv_timer_init(&c->loop, &c->ping);
  c->flush.data = c->linger.data = c->ping.data = c;
  int err = start_signal(c, &c->interrupt, SIGINT);
  if (err == 0) err = start_signal(c, &c->terminate, SIGTERM);
  return err != 0 ? err : start_signal(c, &c->hangup, SIGHUP);
}

/* Only when the key turns out to be encrypted. */
static int on_key_password(uvws_t *ws, char *out, size_t cap, void *user) {
  const struct connect *c = user;
  const uvws_options_t *o = &c->options.library;
  (void)ws;
  return cli_password_ask(o->key_file    ? o->key_file
                          : o->cert_file ? o->cert_file
                                         : o->pkcs12_file,
                          out, cap);
}

static void ask_for_password(uvws_options_t *o) {
  int has_key = o->cert_file != NULL || o->pkcs12_file != NULL;
  if (has_key && o->key_password == NULL && cli_password_is_possible())
    o->on_key_password = on_key_password;
}

static void start(struct connect *c) {
  int err = uvws_context_new(&c->loop, NULL, &c->context);
  if (err == 0) err = uvws_new(c->context, &callbacks, c, &c->ws);
  if (err != 0) {
    cli_connect_fail(c, err, uvws_strerror(err));
    close_handles(c);
    return;
  }
  cli_connect_watch_start(c);
  ask_for_password(&c->options.library);
  err = uvws_connect(c->ws, &c->options.library);
  if (err != 0) {
    const char *detail = uvws_last_error(c->ws);
    cli_connect_fail(c, err, detail[0] != '\0' ? detail : uvws_strerror(err));
    uvws_free(c->ws);
    c->ws = NULL;
    close_handles(c);
    return;
  }
  err = cli_input_open(&c->input, &c->loop, &input_events, c);
  c->output.editor = c->input.editor;
  if (err != 0) on_input_end(c, err);
}

static int run(struct connect *c) {
  int err = uv_loop_init(&c->loop);
  if (err == 0) err = start_handles(c);
  if (err != 0) {
    cli_connect_fail(c, err, "the event loop cannot start");
    return c->status; /* the process ends: what is half open goes with it */
  }
  cli_output_init(&c->output, &c->loop, on_written, c);
  cli_connect_choose_colors(c);
  start(c);
  uvws_context_free(c->context);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  if (c->is_incomplete && c->signal_count == 0 && c->status == CLI_OK) {
    fprintf(stderr, "uvws: the connection ended before every line was sent\n");
    c->status = CLI_FAILED;
  }
  cli_input_deinit(&c->input);
  cli_output_deinit(&c->output);
  err = uv_loop_close(&c->loop);
  if (err != 0) cli_connect_fail(c, err, "the event loop did not close");
  return c->status;
}

int cli_connect(int argc, char **argv) {
  static struct connect c; /* 64 KiB of it is the input's */
  int status = cli_connect_options_parse(argc, argv, &c.options);
  if (status == CLI_GO_ON) status = run(&c);
  cli_connect_options_deinit(&c.options);
  return status;
}
