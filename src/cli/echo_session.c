/*
 * One client of the echo server. wslay's event layer in the server's role does the frames, the
 * message rules, Pong and Close; it is simple, and good enough for a peer on this machine (what it
 * does not do well is in src/README.md's reasons for not using it in the library).
 *
 * `settle` runs at the end of every event and alone decides what follows from where things stand:
 * write, read on, shut down, close.
 */
#include "cli/echo_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "cli/echo_handshake.h"

#define MESSAGE_MAX ((size_t)64 * 1024 * 1024)
#define UNSENT_MAX ((size_t)1024 * 1024) /* above it nothing is read */
#define HANDSHAKE_MS 10000
#define CLOSE_MS 2000

enum phase {
  PHASE_HANDSHAKE,
  PHASE_OPEN,
  PHASE_ENDING,   /* what is queued leaves, then no more is sent */
  PHASE_DRAINING, /* FIN is sent; the client's is awaited, so that no reset destroys what it has
                     not read yet (RFC 6455 7.1.1) */
  PHASE_CLOSED
};

struct echo_session {
  struct echo_session *next;
  struct echo_session **link; /* what points to this one */
  struct echo_host *host;
  enum phase phase;
  int client_port; /* for the log */

  uv_tcp_t tcp;
  uv_timer_t timer;
  int open_handles;
  int has_peer_ended;
  uv_shutdown_t shutdown;

  struct echo_tls *tls;
  struct echo_handshake handshake;
  wslay_event_context_ptr frames;
  const char *in; /* what wslay may read now */
  size_t in_len;

  struct cli_buffer out;  /* plain bytes to be sent */
  struct cli_buffer wire; /* being written while is_writing */
  uv_write_t write;
  int is_writing;
};

static void settle(struct echo_session *s);

/*
 * The end
 */

static void session_free(struct echo_session *s) {
  struct echo_host *host = s->host;
  *s->link = s->next;
  if (s->next != NULL) s->next->link = s->link;
  echo_handshake_deinit(&s->handshake);
  if (s->frames != NULL) wslay_event_context_free(s->frames);
  echo_tls_free(s->tls);
  cli_buffer_deinit(&s->out);
  cli_buffer_deinit(&s->wire);
  free(s);
  host->on_session_end(host);
}

static void on_handle_closed(uv_handle_t *handle) {
  struct echo_session *s = handle->data;
  if (--s->open_handles == 0) session_free(s);
}

static void tell(const struct echo_session *s, const char *what, int code) {
  if (!s->host->is_logging) return;
  fprintf(stderr, "127.0.0.1:%d %s", s->client_port, what);
  if (code != 0) fprintf(stderr, " %d", code);
  fputc('\n', stderr);
}

static void drop(struct echo_session *s) {
  if (s->phase == PHASE_CLOSED) return;
  if (s->frames != NULL) tell(s, "closed", wslay_event_get_status_code_received(s->frames));
  s->phase = PHASE_CLOSED;
  uv_close((uv_handle_t *)&s->tcp, on_handle_closed);
  uv_close((uv_handle_t *)&s->timer, on_handle_closed);
}

static void on_deadline(uv_timer_t *timer) {
  drop(timer->data);
}

/*
 * Frames
 */

static ssize_t on_frames_read(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags,
                              void *user) {
  (void)flags;
  struct echo_session *s = user;
  if (s->in_len == 0) {
    wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  if (len > s->in_len) len = s->in_len;
  memcpy(buf, s->in, len);
  s->in += len;
  s->in_len -= len;
  return (ssize_t)len;
}

static ssize_t on_frames_write(wslay_event_context_ptr ctx, const uint8_t *data, size_t len,
                               int flags, void *user) {
  (void)flags;
  struct echo_session *s = user;
  if (cli_buffer_append(&s->out, data, len) != 0) {
    wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
  }
  return (ssize_t)len;
}

/* The answer leaves wslay's queue at once: there a Close would overtake it. */
static void on_frames_message(wslay_event_context_ptr ctx,
                              const struct wslay_event_on_msg_recv_arg *arg, void *user) {
  (void)user;
  if (wslay_is_ctrl_frame(arg->opcode)) return; /* wslay answers it */
  struct wslay_event_msg echo = {
      .opcode = arg->opcode, .msg = arg->msg, .msg_length = arg->msg_length};
  if (wslay_event_queue_msg(ctx, &echo) == WSLAY_ERR_NOMEM || wslay_event_send(ctx) != 0)
    wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
}

static const struct wslay_event_callbacks frame_callbacks = {
    .recv_callback = on_frames_read,
    .send_callback = on_frames_write,
    .on_msg_recv_callback = on_frames_message,
};

static int open_frames(struct echo_session *s) {
  if (wslay_event_context_server_init(&s->frames, &frame_callbacks, s) != 0) return UV_ENOMEM;
  wslay_event_config_set_max_recv_msg_length(s->frames, MESSAGE_MAX);
  uv_timer_stop(&s->timer);
  s->phase = PHASE_OPEN;
  tell(s, "open", 0);
  return 0;
}

/* wslay may return with input left when a header lies across two reads: as long as it takes
 * something it is asked again. */
static int take_frames(struct echo_session *s, const char *data, size_t len) {
  s->in = data;
  s->in_len = len;
  size_t before = 0;
  do {
    before = s->in_len;
    if (wslay_event_recv(s->frames) != 0) return UV_EPROTO;
  } while (s->in_len > 0 && s->in_len < before && wslay_event_want_read(s->frames));
  return wslay_event_send(s->frames) == 0 ? 0 : UV_EPROTO;
}

static int take_plain(struct echo_session *s, const char *data, size_t len) {
  if (s->phase == PHASE_HANDSHAKE) {
    size_t used = 0;
    int answer = echo_handshake_feed(&s->handshake, data, len, &used, &s->out);
    if (answer < 0) return answer;
    if (answer == ECHO_HANDSHAKE_REFUSED) s->phase = PHASE_ENDING;
    if (answer != ECHO_HANDSHAKE_DONE) return 0;
    int err = open_frames(s);
    if (err != 0) return err;
    data += used;
    len -= used;
  }
  return s->phase == PHASE_OPEN && len > 0 ? take_frames(s, data, len) : 0;
}

/*
 * Bytes
 */

/* After a fault OpenSSL's alert still leaves. */
static int take_secure(struct echo_session *s, const char *data, size_t len) {
  int err = echo_tls_feed(s->tls, data, len);
  while (err == 0) {
    int plain_len = echo_tls_read(s->tls, s->host->plain, sizeof s->host->plain);
    if (plain_len == 0) break;
    if (plain_len < 0) {
      s->phase = PHASE_ENDING;
      s->out.len = 0;
      break;
    }
    err = take_plain(s, s->host->plain, (size_t)plain_len);
  }
  return err;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)suggested;
  struct echo_session *s = handle->data;
  *out = uv_buf_init(s->host->raw, sizeof s->host->raw);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
  struct echo_session *s = stream->data;
  if (len == 0) return;
  int err = 0;
  if (len == UV_EOF)
    s->has_peer_ended = 1;
  else if (len < 0)
    err = (int)len;
  else if (s->phase == PHASE_HANDSHAKE || s->phase == PHASE_OPEN)
    err = s->tls != NULL ? take_secure(s, buf->base, (size_t)len)
                         : take_plain(s, buf->base, (size_t)len);
  if (err != 0)
    drop(s);
  else
    settle(s);
}

static void on_written(uv_write_t *request, int status) {
  struct echo_session *s = request->data;
  s->is_writing = 0;
  s->wire.len = 0;
  if (s->phase == PHASE_CLOSED) return;
  if (status != 0)
    drop(s);
  else
    settle(s);
}

static int fill_wire(struct echo_session *s) {
  if (s->tls == NULL) {
    struct cli_buffer empty = s->wire;
    s->wire = s->out;
    s->out = empty;
    return 0;
  }
  int err = echo_tls_send(s->tls, s->out.data, s->out.len);
  s->out.len = 0;
  if (err == 0 && s->phase == PHASE_ENDING) echo_tls_end(s->tls);
  return err == 0 ? echo_tls_take(s->tls, &s->wire) : err;
}

static int start_write(struct echo_session *s) {
  int err = fill_wire(s);
  if (err != 0 || s->wire.len == 0) return err;
  uv_buf_t buf = uv_buf_init(s->wire.data, (unsigned)s->wire.len);
  s->write.data = s;
  err = uv_write(&s->write, (uv_stream_t *)&s->tcp, &buf, 1, on_written);
  s->is_writing = err == 0;
  return err;
}

/* A client that does not read what it asked for is not read either. */
static int throttle(struct echo_session *s) {
  uv_stream_t *stream = (uv_stream_t *)&s->tcp;
  if (s->phase != PHASE_DRAINING && s->out.len + s->wire.len > UNSENT_MAX)
    return uv_read_stop(stream);
  int err = uv_read_start(stream, on_alloc, on_read);
  return err == UV_EALREADY ? 0 : err;
}

static void on_shutdown(uv_shutdown_t *request, int status) {
  struct echo_session *s = request->data;
  if (status != 0 && s->phase != PHASE_CLOSED) drop(s);
}

static int shut_down(struct echo_session *s) {
  s->phase = PHASE_DRAINING;
  s->shutdown.data = s;
  uv_timer_start(&s->timer, on_deadline, CLOSE_MS, 0);
  return uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, on_shutdown);
}

static void settle(struct echo_session *s) {
  if (s->phase == PHASE_CLOSED) return;
  if (s->phase == PHASE_OPEN && !wslay_event_want_read(s->frames) &&
      !wslay_event_want_write(s->frames))
    s->phase = PHASE_ENDING;
  int err = 0;
  if (!s->is_writing && s->phase != PHASE_DRAINING) err = start_write(s);
  if (err == 0 && s->phase == PHASE_ENDING && !s->is_writing) err = shut_down(s);
  if (err == 0 && !s->has_peer_ended) err = throttle(s);
  if (err != 0 || (s->has_peer_ended && !s->is_writing)) drop(s);
}

/*
 * All of them
 */

static int session_new(struct echo_host *host, struct echo_session **out) {
  struct echo_session *s = calloc(1, sizeof *s);
  if (s == NULL) return UV_ENOMEM;
  int err = host->tls != NULL ? echo_tls_new(host->tls, &s->tls) : 0;
  if (err == 0) err = uv_tcp_init(host->loop, &s->tcp);
  if (err != 0) {
    echo_tls_free(s->tls);
    free(s);
    return err;
  }
  uv_timer_init(host->loop, &s->timer);
  s->tcp.data = s->timer.data = s;
  s->open_handles = 2;
  echo_handshake_init(&s->handshake);
  s->host = host;
  s->next = host->first;
  s->link = &host->first;
  if (s->next != NULL) s->next->link = &s->next;
  host->first = s;
  *out = s;
  return 0;
}

static int read_client_port(struct echo_session *s) {
  struct sockaddr_in client;
  int len = sizeof client;
  int err = uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&client, &len);
  if (err == 0) s->client_port = ntohs(client.sin_port);
  return err;
}

int echo_session_accept(struct echo_host *host, uv_stream_t *listener) {
  struct echo_session *s = NULL;
  int err = session_new(host, &s);
  if (err != 0) return err;
  err = uv_accept(listener, (uv_stream_t *)&s->tcp);
  if (err == 0) err = read_client_port(s);
  if (err == 0) err = uv_tcp_nodelay(&s->tcp, 1);
  if (err == 0) err = uv_timer_start(&s->timer, on_deadline, HANDSHAKE_MS, 0);
  if (err == 0) err = uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
  if (err != 0) drop(s);
  return err;
}

static void stop(struct echo_session *s) {
  if (s->phase == PHASE_HANDSHAKE) drop(s);
  if (s->phase != PHASE_OPEN) return;
  uv_timer_start(&s->timer, on_deadline, CLOSE_MS, 0);
  if (wslay_event_queue_close(s->frames, WSLAY_CODE_GOING_AWAY, NULL, 0) != 0 ||
      wslay_event_send(s->frames) != 0)
    drop(s);
  else
    settle(s);
}

/* No session leaves the list before its handles' close callbacks, so neither loop is cut short. */
void echo_sessions_stop(struct echo_host *host) {
  for (struct echo_session *s = host->first; s != NULL; s = s->next)
    stop(s);
}

void echo_sessions_drop(struct echo_host *host) {
  for (struct echo_session *s = host->first; s != NULL; s = s->next)
    drop(s);
}
