/*
 * See chaos.h. An echo server with a frame parser of its own. Compressed messages go back as they
 * came: without context takeover a payload means the same both ways (RFC 7692 7.1.1).
 */
#include "chaos.h"
#include "support/peer.h"

struct session {
  uv_tcp_t handle;
  uint8_t *data;
  size_t len, cap;
  unsigned id, next; /* the message that must come next */
  struct chaos_plan plan;
  int is_upgraded, is_over;
  uint8_t *message; /* the payload so far, of a message in fragments too */
  size_t message_len;
  uint8_t first; /* of the message's first frame */
};

struct writing {
  uv_write_t req;
  uint8_t data[];
};

static uv_tcp_t listener;
static uint8_t expected[CHAOS_MESSAGE_MAX];

static void on_closed(uv_handle_t *handle) {
  struct session *s = handle->data;
  free(s->data);
  free(s->message);
  free(s);
}

static void end(struct session *s) {
  if (!uv_is_closing((uv_handle_t *)&s->handle)) uv_close((uv_handle_t *)&s->handle, on_closed);
}

static void on_written(uv_write_t *req, int status) {
  struct session *s = req->handle->data;
  free(req->data);
  if (status || (s->is_over && s->handle.write_queue_size == 0)) end(s);
}

static void say(struct session *s, const void *head, size_t head_len, const void *data,
                size_t len) {
  struct writing *w = malloc(sizeof *w + head_len + len);
  MUST(w);
  memcpy(w->data, head, head_len);
  if (len) memcpy(w->data + head_len, data, len);
  w->req.data = w;
  uv_buf_t buf = uv_buf_init((char *)w->data, (unsigned)(head_len + len));
  if (uv_write(&w->req, (uv_stream_t *)&s->handle, &buf, 1, on_written)) {
    free(w);
    end(s);
  }
}

static void say_frame(struct session *s, uint8_t first, const uint8_t *data, size_t len) {
  uint8_t header[10];
  say(s, header, peer_frame_header(header, first, len), data, len);
}

static void judge(struct session *s) {
  int is_text;
  chaos_current = s->id;
  if (s->plan.fault == CHAOS_FLIP) return;
  MUST(s->next < s->plan.messages);
  size_t len = chaos_message(s->id, s->next, &is_text, expected);
  MUST((s->first & 15) == (is_text ? 1 : 2));
  s->next++;
  if (s->first & 0x40) return; /* compressed: the client sees what comes back */
  MUST(len == s->message_len && !memcmp(expected, s->message, len));
}

static void take_frame(struct session *s, uint8_t first, const uint8_t *data, size_t len) {
  int opcode = first & 15;
  if (opcode == 9) say_frame(s, 0x8A, data, len);
  if (opcode == 8) {
    s->is_over = 1;
    say_frame(s, 0x88, data, len);
  }
  if (opcode >= 8) return;
  if (opcode) {
    s->first = first;
    s->message_len = 0;
  }
  s->message = realloc(s->message, s->message_len + len + 1);
  MUST(s->message);
  if (len) memcpy(s->message + s->message_len, data, len);
  s->message_len += len;
  if (!(first & 0x80)) return;
  judge(s);
  say_frame(s, s->first | 0x80, s->message, s->message_len);
}

/* The length of the whole frame at the front, 0: not there yet. */
static size_t frame_length(const struct session *s, size_t *header, size_t *payload) {
  if (s->len < 2) return 0;
  size_t len = s->data[1] & 127, extra = len == 126 ? 2 : len == 127 ? 8 : 0;
  if (s->len < 2 + extra) return 0;
  for (size_t i = 0; i < extra; i++)
    len = i ? len << 8 | s->data[2 + i] : s->data[2];
  *header = 2 + extra + 4;
  *payload = len;
  if (len > 1 << 20 || s->len < *header + len) return 0; /* spoilt: it never comes */
  return *header + len;
}

static void consume(struct session *s, size_t len) {
  memmove(s->data, s->data + len, s->len - len);
  s->len -= len;
}

static void take_frames(struct session *s) {
  size_t header, payload, len;
  while (!s->is_over && !uv_is_closing((uv_handle_t *)&s->handle) &&
         (len = frame_length(s, &header, &payload))) {
    uint8_t *key = s->data + header - 4, *data = s->data + header;
    if (s->plan.fault != CHAOS_FLIP) MUST(s->data[1] & 0x80);
    for (size_t i = 0; i < payload; i++)
      data[i] ^= key[i % 4];
    take_frame(s, s->data[0], data, payload);
    consume(s, len);
  }
}

static void take_request(struct session *s) {
  static const char field[] = "Sec-WebSocket-Key: ";
  char accept[29], text[512];
  uint8_t *request_end = s->len ? memmem(s->data, s->len, "\r\n\r\n", 4) : NULL;
  if (!request_end) return;
  *request_end = '\0';
  s->id = chaos_id_of((char *)s->data);
  s->plan = chaos_plan(s->id);
  char *key = strstr((char *)s->data, field);
  if (!key) { /* spoilt */
    end(s);
    return;
  }
  char copy[25] = "";
  strncpy(copy, key + sizeof field - 1, 24);
  peer_accept_value(copy, accept);
  int len =
      snprintf(text, sizeof text,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
               accept,
               s->plan.is_compressed ? "Sec-WebSocket-Extensions: permessage-deflate; "
                                       "server_no_context_takeover; client_no_context_takeover\r\n"
                                     : "");
  say(s, text, (size_t)len, NULL, 0);
  consume(s, (size_t)(request_end + 4 - s->data));
  s->is_upgraded = 1;
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf) {
  struct session *s = handle->data;
  if (s->cap - s->len < 4096) {
    s->cap = s->cap * 2 + hint;
    s->data = realloc(s->data, s->cap);
    MUST(s->data);
  }
  *buf = uv_buf_init((char *)s->data + s->len, (unsigned)(s->cap - s->len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
  struct session *s = stream->data;
  (void)buf;
  if (len < 0) {
    end(s);
    return;
  }
  s->len += (size_t)len;
  if (!s->is_upgraded) take_request(s);
  if (s->is_upgraded) take_frames(s);
}

static void on_connection(uv_stream_t *server, int status) {
  struct session *s = calloc(1, sizeof *s);
  MUST(s && !status);
  uv_tcp_init(server->loop, &s->handle);
  s->handle.data = s;
  MUST(!uv_accept(server, (uv_stream_t *)&s->handle));
  uv_read_start((uv_stream_t *)&s->handle, on_alloc, on_read);
}

unsigned chaos_server_open(uv_loop_t *loop) {
  struct sockaddr_in address;
  int len = sizeof address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  MUST(!uv_tcp_init(loop, &listener));
  MUST(!uv_tcp_bind(&listener, (struct sockaddr *)&address, 0));
  MUST(!uv_listen((uv_stream_t *)&listener, 512, on_connection));
  MUST(!uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &len));
  return ntohs(address.sin_port);
}

void chaos_server_close(void) {
  uv_close((uv_handle_t *)&listener, NULL);
}
