/* The conversations, of all kinds that the library knows. */
#include "fault/scenario.h"

static struct world *world_of(struct player *p) {
  return p->f->arg;
}

/* What is needed for a Close may be missing too: then the client goes without. */
static void leave(struct player *p) {
  if (p->is_freed) return;
  if (player_close(p, 1000, "bye") != 0) player_free(p);
}

/* What does not get into the queue is not answered: then nobody would say goodbye. */
static void say(struct player *p, const char *text) {
  if (!p->is_freed && player_text(p, text) < 0) leave(p);
}

static void leave_at_once(struct player *p, enum event event) {
  if (event == EVENT_OPEN) leave(p);
}

static void say_hello(struct player *p, enum event event) {
  if (event == EVENT_OPEN) say(p, "hello");
  if (event == EVENT_MESSAGE) leave(p);
}

/*
 * Large ones, and pieces
 */

static uint8_t large[200000];

static void send_large(struct player *p, enum event event) {
  p->f->is_quiet = 1;
  if (event == EVENT_OPEN && player_binary(p, large, sizeof large, NULL, NULL) < 0) leave(p);
  if (event == EVENT_MESSAGE && p->last_len == sizeof large) leave(p);
}

static void send_pieces(struct player *p, enum event event) {
  if (event == EVENT_MESSAGE && p->messages == 2) leave(p);
  if (event != EVENT_OPEN) return;
  p->f->inside++;
  int err = uvws_message_begin(p->ws, UVWS_TEXT, 0);
  if (!err) err = uvws_message_write(p->ws, "one ", 4, NULL, NULL);
  if (!err) err = uvws_message_write(p->ws, "two", 3, NULL, NULL);
  if (!err) err = uvws_message_end(p->ws, NULL, NULL);
  p->f->inside--;
  if (err) leave(p);
}

static void answer_last_piece(struct peer_conn *conn, const struct peer_frame *frame) {
  if (frame->fin && frame->opcode == 0) peer_send_frame(conn, 0x81, "whole", 5);
}

/* A compressed message comes back as it went. */
static void send_compressed(struct player *p, enum event event) {
  p->f->is_quiet = 1;
  if (event == EVENT_MESSAGE && p->messages == 2) leave(p);
  if (event != EVENT_OPEN) return;
  p->f->inside++;
  int err = uvws_send(p->ws, UVWS_BINARY, large, 3000, UVWS_SEND_COMPRESSED, NULL, NULL);
  if (!err) err = uvws_send(p->ws, UVWS_BINARY, large, 70000, UVWS_SEND_COMPRESSED, NULL, NULL);
  p->f->inside--;
  if (err < 0) leave(p);
}

static void echo_compressed(struct peer_conn *conn, const struct peer_frame *frame) {
  int first = frame->fin << 7 | frame->rsv << 4 | frame->opcode;
  if (frame->opcode < 8) peer_send_frame(conn, first, frame->data, frame->len);
}

/*
 * Control
 */

static void ping(struct player *p, enum event event) {
  if (event == EVENT_OPEN && player_ping(p, "hey") < 0) leave(p);
  if (event == EVENT_PONG) leave(p);
}

static void answer_ping(struct peer_conn *conn, const struct peer_frame *frame) {
  if (frame->opcode == 9) peer_send_frame(conn, 0x8A, frame->data, frame->len);
}

static void pause_awhile(struct player *p, enum event event) {
  if (event == EVENT_MESSAGE && p->messages == 1) {
    uvws_pause(p->ws);
    say(p, "paused");
  }
  if (event == EVENT_SENT && !p->is_freed && p->closes < p->connects) uvws_resume(p->ws);
  if (event == EVENT_MESSAGE && p->messages == 4) leave(p);
}

static void reconnect(struct player *p, enum event event) {
  if (event == EVENT_OPEN || event == EVENT_RETRY) say(p, "kept");
  if (p->opens == 3) leave(p);
}

static void on_all_closed(uvws_context_t *ctx, int cut_count, void *arg) {
  struct world *w = arg;
  assert_ptr_equal(ctx, w->f.ctx);
  assert_in_range(cut_count, 0, 2);
  assert_int_equal(w->f.inside, 0);
  w->fired++;
}

static void close_all(struct player *p, enum event event) {
  struct world *w = world_of(p);
  if (event == EVENT_OPEN && p == w->f.players && fixture_player(&w->f, 1, w->f.ctx) == 0)
    player_connect(&w->f.players[1], &w->options);
  if (event != EVENT_OPEN || w->f.players[0].opens + w->f.players[1].opens < 2) return;
  w->f.inside++;
  int err = uvws_context_close_all(w->f.ctx, 1001, "bye", 3, 3000, on_all_closed, w);
  w->f.inside--;
  w->pending += err == 0;
}

/* The second connection begins when the first has ended, to resume its session. */
static void connect_twice(struct player *p, enum event event) {
  say_hello(p, event);
  if (event == EVENT_CLOSE && !p->is_freed && p->connects == 1)
    player_connect(p, &world_of(p)->options);
}

/*
 * From another thread, as far as the library can tell
 */

static void on_async_sent(uvws_t *ws, int status, void *arg) {
  struct world *w = arg;
  (void)ws, (void)status;
  w->fired++;
}

static void use_async(struct world *w, struct player *p) {
  uvws_async_t *async = NULL;
  w->f.inside++;
  int err = uvws_async_new(p->ws, 0, &async);
  if (!err) {
    err = uvws_async_send(async, UVWS_TEXT, "posted", 6, 0, on_async_sent, w);
    w->pending += err == 0;
  }
  uvws_async_free(async);
  w->f.inside--;
  if (err) leave(p);
}

static void post(struct player *p, enum event event) {
  if (event == EVENT_OPEN) use_async(world_of(p), p);
  if (event == EVENT_MESSAGE) leave(p);
}

/*
 * The owner's word on certificates
 */

static int refuse_any(uvws_t *ws, int err, const char *message, const uvws_tls_info_t *info,
                      void *user) {
  (void)ws, (void)err, (void)message, (void)info, (void)user;
  return UVWS_ECERT_UNTRUSTED;
}

static int agree(uvws_t *ws, int err, const char *message, const uvws_tls_info_t *info,
                 void *user) {
  (void)ws, (void)message, (void)info, (void)user;
  return err;
}

static void look_and_say_hello(struct player *p, enum event event) {
  const uvws_tls_info_t *info;
  if (event == EVENT_OPEN && uvws_tls_info(p->ws, &info) == 0)
    assert_string_equal(info->certificates[0].subject, "CN=a.test");
  say_hello(p, event);
}

/*
 * All of them
 */

#define HELLO "open sent(0) text(hello) close(1000,clean) "

static const uvws_reconnect_t thrice = {
    .size = sizeof thrice, .delay_ms = 100, .no_jitter = 1, .max_attempts = 2, .keep_bytes = 1000};

const struct scenario scenarios[] = {
    {.name = "a greeting and its echo", .diary = HELLO, .plan = {.echoes = 1}, .hook = say_hello},
    {.name = "a name that is looked up",
     .diary = HELLO,
     .way = WAY_NAME,
     .plan = {.echoes = 1},
     .options = {.tcp_keepalive_s = 60},
     .hook = say_hello},
    {.name = "an address of our own",
     .diary = "open close(1000,clean) ",
     .options = {.local_address = "127.0.0.1", .tcp_keepalive_s = 60},
     .hook = leave_at_once},
    {.name = "a unix socket that is not there",
     .diary = "error(ENOENT) close(1006) ",
     .way = WAY_UNIX},
    {.name = "a Close of the peer's",
     .diary = "open close(1001,clean) ",
     .plan = {.bytes = "\x88\x02\x03\xe9", .len = 4}},
    {.name = "a large message both ways",
     .diary = "open close(1000,clean) ",
     .plan = {.echoes = 1},
     .hook = send_large},
    {.name = "messages in pieces",
     .diary = "open ping(p) text(hello) text(whole) close(1000,clean) ",
     .plan = {.bytes = "\x01\x02he\x89\x01p\x80\x03llo", .len = 12},
     .hook = send_pieces,
     .on_frame = answer_last_piece},
    {.name = "compressed messages",
     .diary = "open close(1000,clean) ",
     .plan = {.answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %A\r\n"
                        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"},
     .hook = send_compressed,
     .on_frame = echo_compressed},
    {.name = "a Ping and its Pong",
     .diary = "open pong(hey) close(1000,clean) ",
     .hook = ping,
     .on_frame = answer_ping},
    {.name = "a peer that answers no Ping",
     .diary = "open error(UVWS_EPONG_TIMEOUT) close(1006) ",
     .options = {.ping_interval_ms = 1000, .pong_timeout_ms = 1000}},
    {.name = "a peer that does not answer the request",
     .diary = "error(UVWS_EHANDSHAKE_TIMEOUT) close(1006) ",
     .plan = {.is_silent = 1}},
    {.name = "a refusal",
     .diary = "error(UVWS_EHTTP_STATUS) close(1006) ",
     .plan = {.answer = "HTTP/1.1 404 Not Found\r\nA: b\r\nC: d\r\n"
                        "Content-Length: 5\r\n\r\nhello"}},
    {.name = "a breach of the protocol",
     .diary = "open error(UVWS_EPROTOCOL) close(1006) ",
     .plan = {.bytes = "\x01\x01x\x83\x00", .len = 5}},
    {.name = "a loss in the middle of a message",
     .diary = "open error(UVWS_ELOST) close(1006) ",
     .plan = {.bytes = "\x01\x01x", .len = 3, .end = PEER_FIN}},
    {.name = "a reset in place of a Close",
     .diary = "open error(ECONNRESET) close(1006) ",
     .plan = {.manners = PEER_RESETS},
     .hook = leave_at_once},
    {.name = "a pause",
     .diary = "open text(a) sent(0) text(b) text(c) text(paused) close(1000,clean) ",
     .plan = {.bytes = "\x81\x01"
                       "a\x81\x01"
                       "b\x81\x01"
                       "c",
              .len = 9,
              .echoes = 1},
     .hook = pause_awhile},
    {.name = "reconnection",
     .diary =
         "open sent(0) retry(1,UVWS_ELOST) open sent(0) sent(0) retry(2,UVWS_ELOST) open sent(0) "
         "sent(0) error(UVWS_ELOST) close(1006) ",
     .plan = {.end = PEER_FIN},
     .options = {.reconnect = &thrice},
     .hook = reconnect},
    {.name = "two that are closed at once",
     .diary = "open b:open b:close(1001,clean) close(1001,clean) ",
     .other = "open b:open close(1001,clean) b:close(1001,clean) ",
     .hook = close_all},
    {.name = "a message posted from elsewhere",
     .diary = "open text(posted) close(1000,clean) ",
     .plan = {.echoes = 1},
     .hook = post},
    {.name = "a redirect",
     .diary = HELLO,
     .way = WAY_REDIRECT,
     .plan = {.echoes = 1},
     .hook = say_hello},
    {.name = "an HTTP proxy",
     .diary = HELLO,
     .way = WAY_HTTP_PROXY,
     .relay_kind = RELAY_HTTP,
     .plan = {.echoes = 1},
     .hook = say_hello},
    {.name = "a SOCKS proxy",
     .diary = HELLO,
     .way = WAY_SOCKS5,
     .relay_kind = RELAY_SOCKS5,
     .plan = {.echoes = 1},
     .hook = say_hello},
    {.name = "TLS", .diary = HELLO, .way = WAY_TLS, .plan = {.echoes = 1}, .hook = say_hello},
    {.name = "TLS 1.2",
     .diary = HELLO,
     .way = WAY_TLS,
     .plan = {.echoes = 1},
     .options = {.tls = UVWS_TLS_1_2, .keylog_file = "/dev/null", .ca_path = "."},
     .hook = say_hello},
    {.name = "a large message both ways over TLS",
     .diary = "open close(1000,clean) ",
     .way = WAY_TLS,
     .plan = {.echoes = 1},
     .hook = send_large},
    {.name = "TLS that is resumed",
     .diary = HELLO HELLO,
     .way = WAY_TLS,
     .plan = {.echoes = 1},
     .hook = connect_twice},
    {.name = "TLS with a client's certificate",
     .diary = HELLO,
     .way = WAY_TLS,
     .tls_server = TLS_ASKS,
     .plan = {.echoes = 1},
     .hook = say_hello},
    {.name = "TLS through a proxy",
     .diary = HELLO,
     .way = WAY_TLS_TUNNEL,
     .relay_kind = RELAY_HTTP,
     .plan = {.echoes = 1},
     .hook = say_hello},
    {.name = "TLS in the TLS of a proxy",
     .diary = HELLO,
     .way = WAY_TLS_IN_TLS,
     .relay_kind = RELAY_HTTP,
     .plan = {.echoes = 1},
     .hook = say_hello},
    {.name = "a certificate of a stranger",
     .diary = "error(UVWS_ECERT_UNTRUSTED) close(1006) ",
     .way = WAY_TLS,
     .tls_server = TLS_STRANGER},
    {.name = "a certificate for another host",
     .diary = "error(UVWS_ECERT_HOSTNAME) close(1006) ",
     .way = WAY_TLS,
     .tls_server = TLS_OTHER},
    {.name = "a certificate that is revoked",
     .diary = "error(UVWS_ECERT_REVOKED) close(1006) ",
     .way = WAY_TLS,
     .tls_server = TLS_REVOKED},
    {.name = "a key that is not the pinned one",
     .diary = "error(UVWS_ECERT_PIN) close(1006) ",
     .way = WAY_TLS,
     .options = {.pinned_public_key = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
    {.name = "a server that staples nothing",
     .diary = "error(UVWS_ECERT) close(1006) ",
     .way = WAY_TLS,
     .options = {.require_ocsp_staple = 1}},
    {.name = "an owner who refuses the certificate",
     .diary = "error(UVWS_ECERT_UNTRUSTED) close(1006) ",
     .way = WAY_TLS,
     .options = {.on_verify = refuse_any}},
    {.name = "an owner who judges and looks",
     .diary = HELLO,
     .way = WAY_TLS,
     .plan = {.echoes = 1},
     .options = {.on_verify = agree},
     .hook = look_and_say_hello},
    {.name = "a certificate that has expired",
     .diary = "error(UVWS_ECERT_EXPIRED) close(1006) ",
     .way = WAY_TLS,
     .tls_server = TLS_EXPIRED},
    {0}};
