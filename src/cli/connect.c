/*
 * `uvws connect URI`: lines of standard input become messages, messages become lines of standard
 * output.
 *
 * The end of the input ends the connection in steps: all that is queued leaves; then a Ping, whose
 * Pong shows that the server has read it all (a server that answers from another task than the one
 * that reads drops its answers when a Close arrives first); then the closing handshake, during
 * which messages are still printed. --linger puts a time in the place of the Ping.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "cli/cli.h"
#include "cli/connect_options.h"
#include "cli/input.h"
#include "cli/output.h"

#define PAUSE_ABOVE ((size_t)1024 * 1024)
#define RESUME_BELOW (PAUSE_ABOVE / 2)
#define PONG_WITHIN_MS 2000
#define BODY_LINES 5
#define BODY_BYTES 1024

static const char last_ping[] = "end of input";

struct connect {
  struct cli_connect_options options;
  uv_loop_t loop;
  uvws_context_t *context;
  uvws_t *ws;
  struct cli_input input;
  struct cli_output output;
  uv_signal_t interrupt;
  uv_signal_t terminate;
  uv_timer_t linger;
  uv_prepare_t flush;

  size_t pending;    /* sends whose callback is due */
  int is_incomplete; /* a line did not leave */
  int is_open;
  int has_ended;    /* no more lines will come */
  int is_lingering; /* everything is sent */
  int signal_count;
  int status;
};

static void step(struct connect *c);

/* Everything that keeps the loop alive, but for the connection. */
static void close_handles(struct connect *c) {
  cli_input_close(&c->input);
  uv_handle_t *const handles[] = {(uv_handle_t *)&c->interrupt, (uv_handle_t *)&c->terminate,
                                  (uv_handle_t *)&c->linger, (uv_handle_t *)&c->flush};
  for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
    if (!uv_is_closing(handles[i])) uv_close(handles[i], NULL);
}

static void show(const void *text, size_t len) {
  struct cli_buffer shown = {0};
  if (cli_buffer_append_shown(&shown, text, len) == 0 && shown.len > 0)
    fwrite(shown.data, 1, shown.len, stderr);
  cli_buffer_deinit(&shown);
}

static void fail(struct connect *c, int err, const char *message) {
  c->status = CLI_FAILED;
  fprintf(stderr, "uvws: %s: ", uvws_err_name(err));
  show(message, strlen(message));
  fputc('\n', stderr);
}

static void start_close(struct connect *c, int code) {
  c->has_ended = 1;
  c->is_lingering = 1;
  cli_input_close(&c->input);
  uv_timer_stop(&c->linger);
  int err = uvws_close(c->ws, code, NULL, 0);
  if (err != 0) {
    fail(c, err, uvws_strerror(err));
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
  if (err != UV_EPIPE) fail(c, err, "standard output cannot be written");
  if (c->ws != NULL) start_close(c, 1001);
}

static void on_flush(uv_prepare_t *handle) {
  struct connect *c = handle->data;
  uv_prepare_stop(handle);
  int err = cli_output_flush(&c->output);
  if (err != 0) fail_output(c, err);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  (void)kind;
  struct connect *c = user;
  if (c->output.err != 0) return;
  int err = cli_output_line(&c->output, data, len);
  if (err != 0)
    fail_output(c, err);
  else
    uv_prepare_start(&c->flush, on_flush);
}

/*
 * Input
 */

static void on_sent(uvws_t *ws, int status, void *arg) {
  struct connect *c = arg;
  c->pending--;
  if (status != 0) {
    c->is_incomplete = 1;
    return;
  }
  if (uvws_buffered(ws) <= RESUME_BELOW) cli_input_resume(&c->input);
  step(c);
}

static void on_line(void *owner, const char *line, size_t len) {
  struct connect *c = owner;
  int err = c->options.is_binary ? uvws_send_binary(c->ws, line, len, on_sent, c)
                                 : uvws_send_text(c->ws, line, len, on_sent, c);
  if (err >= 0) { /* UVWS_ABOVE_MARK: queued as well */
    c->pending++;
    if (uvws_buffered(c->ws) > PAUSE_ABOVE) cli_input_pause(&c->input);
    return;
  }
  c->is_incomplete = 1;
  if (err == UVWS_ENOTOPEN) {
    cli_input_close(&c->input); /* on_close is on its way */
  } else {
    fail(c, err, "a line cannot be sent");
    start_close(c, 1001);
  }
}

static void on_input_end(void *owner, int err) {
  struct connect *c = owner;
  if (err != 0) fail(c, err, "standard input cannot be read");
  c->has_ended = 1;
  step(c);
}

static const struct cli_input_events input_events = {on_line, on_input_end};

/*
 * The end
 */

static void on_linger(uv_timer_t *timer) {
  start_close(timer->data, 1000);
}

static void on_pong(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  struct connect *c = user;
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
    if (uvws_ping(c->ws, last_ping, sizeof last_ping - 1) != 0) wait_ms = 0;
  }
  uv_timer_start(&c->linger, on_linger, wait_ms, 0);
}

/* The first signal asks politely, the second does not wait. */
static void on_signal(uv_signal_t *handle, int number) {
  struct connect *c = handle->data;
  if (c->ws == NULL) return;
  if (c->signal_count++ == 0) {
    start_close(c, 1001);
    return;
  }
  uvws_set_callbacks(c->ws, NULL);
  uvws_free(c->ws);
  c->ws = NULL;
  c->status = 128 + number;
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
    fprintf(stderr, "uvws: open, subprotocol %s\n", protocol != NULL ? protocol : "none");
  }
  step(c);
}

/* The first lines of what an HTTP server says instead of a handshake. */
static void show_body(const uint8_t *body, size_t len) {
  size_t end = 0;
  int lines = 0;
  while (end < len && end < BODY_BYTES && lines < BODY_LINES)
    lines += body[end++] == '\n';
  if (end == 0) return;
  show(body, end);
  if (body[end - 1] != '\n') fputc('\n', stderr);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  fail(user, error->code, error->message);
  if (error->body_len > 0) show_body(error->body, error->body_len);
}

static int is_ordinary(int code) {
  return code == 1000 || code == 1001 || code == 1005;
}

static void tell_close(const struct connect *c, const uvws_close_info_t *info) {
  if (!info->was_clean && !c->options.is_verbose) return; /* on_error has told why */
  if (is_ordinary(info->code) && !c->options.is_verbose) return;
  fprintf(stderr, "uvws: closed: %d%s", info->code, info->reason_len > 0 ? " " : "");
  show(info->reason, info->reason_len);
  fputc('\n', stderr);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  (void)ws;
  struct connect *c = user;
  if (!info->was_clean) c->status = CLI_FAILED;
  int err = c->output.err == 0 ? cli_output_flush(&c->output) : 0;
  tell_close(c, info);
  uvws_free(c->ws);
  c->ws = NULL;
  if (err != 0) fail_output(c, err);
  close_handles(c);
}

static const uvws_callbacks_t callbacks = {
    .size = sizeof callbacks,
    .on_open = on_open,
    .on_message = on_message,
    .on_error = on_error,
    .on_close = on_close,
    .on_pong = on_pong,
};

static int start_handles(struct connect *c) {
  uv_prepare_init(&c->loop, &c->flush);
  uv_timer_init(&c->loop, &c->linger);
  int err = uv_signal_init(&c->loop, &c->interrupt);
  if (err != 0) return err;
  err = uv_signal_init(&c->loop, &c->terminate);
  if (err != 0) return err;
  c->flush.data = c->linger.data = c->interrupt.data = c->terminate.data = c;
  err = uv_signal_start(&c->interrupt, on_signal, SIGINT);
  return err != 0 ? err : uv_signal_start(&c->terminate, on_signal, SIGTERM);
}

static void start(struct connect *c) {
  int err = uvws_context_new(&c->loop, NULL, &c->context);
  if (err == 0) err = uvws_new(c->context, &callbacks, c, &c->ws);
  if (err != 0) {
    fail(c, err, uvws_strerror(err));
    close_handles(c);
    return;
  }
  err = uvws_connect(c->ws, &c->options.library);
  if (err != 0) {
    const char *detail = uvws_last_error(c->ws);
    fail(c, err, detail[0] != '\0' ? detail : uvws_strerror(err));
    uvws_free(c->ws);
    c->ws = NULL;
    close_handles(c);
    return;
  }
  err = cli_input_open(&c->input, &c->loop, &input_events, c);
  if (err != 0) on_input_end(c, err);
}

static int run(struct connect *c) {
  int err = uv_loop_init(&c->loop);
  if (err == 0) err = start_handles(c);
  if (err != 0) {
    fail(c, err, "the event loop cannot start");
    return c->status; /* the process ends: what is half open goes with it */
  }
  cli_output_init(&c->output);
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
  if (err != 0) fail(c, err, "the event loop did not close");
  return c->status;
}

int cli_connect(int argc, char **argv) {
  static struct connect c; /* 64 KiB of it is the input's */
  int status = cli_connect_options_parse(argc, argv, &c.options);
  if (status == CLI_GO_ON) status = run(&c);
  cli_connect_options_deinit(&c.options);
  return status;
}
