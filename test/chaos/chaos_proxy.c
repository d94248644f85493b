/* See chaos.h. Bytes move when a timer of the pair says so, in pieces of random lengths. */
#include "chaos.h"

#define BUFFER 65536
#define PIECES 8 /* of a direction at one tick, at most */

struct pair;

/* What was read from one end, for the other. */
struct way {
  struct pair *pair;
  uv_tcp_t end;
  size_t len;
  int has_ended, is_shut, is_closed;
  uv_shutdown_t shutdown;
  uint8_t data[BUFFER];
};

struct pair {
  struct way ways[2]; /* from the client, from the server */
  uv_timer_t timer;
  uv_connect_t connect;
  struct chaos_plan plan;
  uint64_t random;
  unsigned id;
  int has_plan, is_connected, is_closing, is_hole, is_done;
  uint32_t forwarded;
  int closed;
};

static uv_tcp_t listener;
static struct sockaddr_in server_address;
unsigned chaos_faults_done[CHAOS_FAULTS];

static void on_closed(uv_handle_t *handle) {
  struct pair *p = handle->data;
  if (++p->closed == 3) free(p);
}

static void close_pair(struct pair *p, int resets) {
  if (p->is_closing) return;
  p->is_closing = 1;
  for (int i = 0; i < 2; i++)
    if (!resets || uv_tcp_close_reset(&p->ways[i].end, on_closed))
      uv_close((uv_handle_t *)&p->ways[i].end, on_closed);
  uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status) {
  (void)req, (void)status; /* a peer that is gone is seen by reading */
}

/* No more goes to the end opposite of `w`. */
static void shut(struct way *w) {
  struct way *other = &w->pair->ways[w == &w->pair->ways[0]];
  if (w->is_shut) return;
  w->is_shut = 1;
  (void)uv_shutdown(&w->shutdown, (uv_stream_t *)&other->end, on_shutdown);
}

static void do_fault(struct pair *p) {
  p->is_done = 1;
  chaos_faults_done[p->plan.fault]++;
  switch (p->plan.fault) {
  case CHAOS_RESET:
    close_pair(p, 1);
    break;
  case CHAOS_FIN:
    close_pair(p, 0);
    break;
  case CHAOS_HALF_CLOSE:
    shut(&p->ways[1]);
    break;
  case CHAOS_BLACK_HOLE:
    p->is_hole = 1;
    break;
  default:
    break;
  }
}

static size_t piece_of(struct pair *p, size_t len) {
  static const uint32_t most[] = {BUFFER, BUFFER, BUFFER, 1500, 1500, 200, 20, 1};
  uint32_t random = chaos_random(&p->random);
  size_t piece = random / 8 % most[random % 8] + 1;
  return piece < len ? piece : len;
}

/* Up to the byte where the fault is due. */
static size_t before_fault(const struct pair *p, size_t len) {
  if (p->is_done || p->plan.fault == CHAOS_NONE || p->plan.fault == CHAOS_FLIP) return len;
  uint32_t left = p->plan.at - p->forwarded;
  return len < left ? len : left;
}

static void spoil(struct pair *p, struct way *w, size_t len) {
  if (p->plan.fault != CHAOS_FLIP || p->is_done || p->forwarded + len <= p->plan.at) return;
  w->data[p->plan.at - p->forwarded] ^= (uint8_t)(1u << chaos_random(&p->random) % 8);
  do_fault(p);
}

static int move_piece(struct pair *p, int from) {
  struct way *w = &p->ways[from];
  if (!w->len || p->is_closing || w->is_shut) return 0;
  size_t len = before_fault(p, piece_of(p, w->len));
  spoil(p, w, len);
  uv_buf_t buf = uv_buf_init((char *)w->data, (unsigned)len);
  int moved = len ? uv_try_write((uv_stream_t *)&p->ways[!from].end, &buf, 1) : 0;
  if (moved == UV_EAGAIN) return 0;
  if (moved < 0) {
    close_pair(p, 0);
    return 0;
  }
  memmove(w->data, w->data + moved, w->len - (size_t)moved);
  w->len -= (size_t)moved;
  p->forwarded += (uint32_t)moved;
  int is_due = p->plan.fault != CHAOS_NONE && p->plan.fault != CHAOS_FLIP && !p->is_done &&
               p->forwarded == p->plan.at;
  if (is_due) do_fault(p);
  return moved > 0;
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf) {
  struct pair *p = handle->data;
  struct way *w = handle == (uv_handle_t *)&p->ways[0].end ? &p->ways[0] : &p->ways[1];
  (void)hint;
  if (p->is_hole) w->len = 0;
  *buf = uv_buf_init((char *)w->data + w->len, (unsigned)(BUFFER - w->len));
}

static void read_on(struct way *w) {
  if (w->has_ended) return;
  if (w->len < BUFFER)
    uv_read_start((uv_stream_t *)&w->end, on_alloc, on_read);
  else
    uv_read_stop((uv_stream_t *)&w->end);
}

static void on_tick(uv_timer_t *timer);

static void tick_later(struct pair *p) {
  int is_due = !p->is_closing && p->is_connected && !uv_is_active((uv_handle_t *)&p->timer);
  uint32_t random = chaos_random(&p->random);
  if (is_due) uv_timer_start(&p->timer, on_tick, random % 8 ? 0 : 1 + random / 8 % 3, 0);
}

static void finish_way(struct pair *p, struct way *w) {
  if (!w->has_ended || (w->len && !p->is_hole)) return;
  if (!p->is_hole) shut(w);
  if ((p->ways[0].has_ended && p->ways[1].has_ended) || p->is_hole) close_pair(p, 0);
}

/* What has nowhere to go makes room, so that the end behind it is seen. */
static void swallow(struct pair *p) {
  for (int i = 0; i < 2; i++)
    if (p->is_hole || p->ways[i].is_shut) p->ways[i].len = 0;
}

static void on_tick(uv_timer_t *timer) {
  struct pair *p = timer->data;
  for (int i = 0; i < PIECES && !p->is_hole; i++)
    if (!move_piece(p, (int)(chaos_random(&p->random) & 1)) && i > 2) break;
  swallow(p);
  for (int i = 0; i < 2 && !p->is_closing; i++) {
    finish_way(p, &p->ways[i]);
    if (!p->is_closing) read_on(&p->ways[i]);
  }
  if (!p->is_closing && !p->is_hole && (p->ways[0].len || p->ways[1].len)) tick_later(p);
}

static void take_plan(struct pair *p) {
  char request[64] = "";
  size_t len = p->ways[0].len < 63 ? p->ways[0].len : 63;
  memcpy(request, p->ways[0].data, len);
  p->id = chaos_id_of(request);
  p->plan = chaos_plan(p->id);
  p->random = chaos_state(p->id, 2);
  p->has_plan = 1;
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
  struct pair *p = stream->data;
  struct way *w = stream == (uv_stream_t *)&p->ways[0].end ? &p->ways[0] : &p->ways[1];
  (void)buf;
  if (len == UV_EOF) {
    w->has_ended = 1;
    uv_read_stop(stream);
  } else if (len == UV_ENOBUFS) {
    uv_read_stop(stream);
  } else if (len < 0) {
    close_pair(p, 1);
    return;
  } else {
    w->len += (size_t)len;
    if (w == &p->ways[0] && !p->has_plan) take_plan(p);
  }
  tick_later(p);
}

static void on_connected(uv_connect_t *connect, int status) {
  struct pair *p = connect->data;
  if (p->is_closing) return;
  if (status) {
    close_pair(p, 1);
    return;
  }
  p->is_connected = 1;
  uv_tcp_nodelay(&p->ways[0].end, 1);
  uv_tcp_nodelay(&p->ways[1].end, 1);
  read_on(&p->ways[0]);
  read_on(&p->ways[1]);
}

static void on_connection(uv_stream_t *server, int status) {
  struct pair *p = calloc(1, sizeof *p);
  MUST(p && !status);
  for (int i = 0; i < 2; i++) {
    uv_tcp_init(server->loop, &p->ways[i].end);
    p->ways[i].pair = p;
    p->ways[i].end.data = p;
  }
  uv_timer_init(server->loop, &p->timer);
  p->timer.data = p;
  p->connect.data = p;
  p->random = 1;
  MUST(!uv_accept(server, (uv_stream_t *)&p->ways[0].end));
  MUST(!uv_tcp_connect(&p->connect, &p->ways[1].end, (struct sockaddr *)&server_address,
                       on_connected));
}

static unsigned port_of(const uv_tcp_t *handle) {
  struct sockaddr_in address;
  int len = sizeof address;
  MUST(!uv_tcp_getsockname(handle, (struct sockaddr *)&address, &len));
  return ntohs(address.sin_port);
}

unsigned chaos_proxy_open(uv_loop_t *loop, unsigned server_port) {
  struct sockaddr_in any;
  uv_ip4_addr("127.0.0.1", (int)server_port, &server_address);
  uv_ip4_addr("127.0.0.1", 0, &any);
  MUST(!uv_tcp_init(loop, &listener));
  MUST(!uv_tcp_bind(&listener, (struct sockaddr *)&any, 0));
  MUST(!uv_listen((uv_stream_t *)&listener, 512, on_connection));
  return port_of(&listener);
}

void chaos_proxy_close(void) {
  uv_close((uv_handle_t *)&listener, NULL);
}
