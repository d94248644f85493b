/*
 * The whole client on a network that is not there (fake_net.h): the input says what the network
 * does, what the user calls, what the user calls from inside each callback, how the clock runs and
 * which allocation fails. The callback law (uvws.h) is asserted at each callback, and at the end
 * that every connection closed once, every completion fired once, nothing leaked, the loop closes.
 */
#include "conn/conn.h"
#include "fake_server.h"

#define CLIENTS 3
#define STEPS 3000     /* of one input: enough, and bounded */
#define CALLS_WITHIN 8 /* from callbacks in a row without a step of the driver's */

struct user {
  uvws_t *ws; /* NULL: freed */
  int is_silent;
  unsigned connects, closes;
  unsigned opens, errors; /* of the connection at hand */
  unsigned sends, sents;
  int last; /* what a call answered that is not looked at */
};

struct world {
  uv_loop_t loop;
  struct fake_env fake;
  uvws_context_t *ctx;
  struct user users[CLIENTS];
  struct fuzz_input in;
  int inside; /* a call of the API is under way */
  int within; /* calls from callbacks since the driver's last step */
  int is_ending;
  unsigned close_alls, close_alls_done;
};

static struct world world;

static void act(struct user *u, uint8_t what);

/* In each callback the user may do something. */
static void act_within(struct user *u) {
  if (world.is_ending || world.within >= CALLS_WITHIN || !world.in.len) return;
  uint8_t what = fuzz_byte(&world.in);
  if (what & 0x80) return; /* mostly nothing */
  world.within++;
  act((what & 0x40) ? &world.users[what % CLIENTS] : u, what & 0x3f);
}

static struct user *enter(uvws_t *ws, void *arg) {
  struct user *u = arg;
  MUST(!world.inside);
  MUST(!u->is_silent);
  MUST(u->connects == u->closes + 1);
  MUST(!u->ws || u->ws == ws);
  return u;
}

static void on_open(uvws_t *ws, void *arg) {
  struct user *u = enter(ws, arg);
  MUST(++u->opens == 1 && u->errors == 0);
  MUST(!u->ws || uvws_state(ws) == UVWS_STATE_OPEN);
  act_within(u);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *arg) {
  struct user *u = enter(ws, arg);
  MUST(u->opens == 1 && u->errors == 0);
  if (kind == UVWS_TEXT) MUST(uvws__utf8_is_valid(data, len));
  act_within(u);
}

static void on_chunk(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, unsigned part,
                     void *arg) {
  struct user *u = enter(ws, arg);
  uint64_t hash = 1;
  fuzz_hash(&hash, data, len);
  MUST(u->opens == 1 && (kind == UVWS_TEXT || kind == UVWS_BINARY) && part <= 3);
  act_within(u);
}

static void on_control(uvws_t *ws, const uint8_t *data, size_t len, void *arg) {
  struct user *u = enter(ws, arg);
  uint64_t hash = 1;
  MUST(u->opens == 1 && len <= 125);
  fuzz_hash(&hash, data, len);
  act_within(u);
}

static void on_drain(uvws_t *ws, void *arg) {
  struct user *u = enter(ws, arg);
  MUST(u->opens == 1);
  act_within(u);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *arg) {
  struct user *u = enter(ws, arg);
  MUST(++u->errors == 1);
  MUST(error->code < 0 && error->message && *error->message);
  for (size_t i = 0; i < error->header_count; i++)
    MUST(error->headers[i].name && error->headers[i].value);
  act_within(u);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *arg) {
  struct user *u = enter(ws, arg);
  MUST(strlen(info->reason) <= info->reason_len);
  MUST(info->code >= 1000 && info->code < 5000);
  u->closes++;
  u->opens = u->errors = 0;
  act_within(u);
}

static void on_sent(uvws_t *ws, int status, void *arg) {
  struct user *u = arg;
  MUST(ws && !world.inside && status <= 0);
  MUST(u->sents < u->sends);
  u->sents++;
  act_within(u);
}

static void on_close_all(uvws_context_t *ctx, int cut_count, void *arg) {
  (void)arg;
  MUST(ctx && cut_count >= 0 && !world.inside);
  world.close_alls_done++;
}

static const uvws_callbacks_t callbacks[2] = {{.size = sizeof callbacks[0],
                                               .on_open = on_open,
                                               .on_message = on_message,
                                               .on_error = on_error,
                                               .on_close = on_close,
                                               .on_ping = on_control,
                                               .on_pong = on_control,
                                               .on_drain = on_drain},
                                              {.size = sizeof callbacks[1],
                                               .on_open = on_open,
                                               .on_chunk = on_chunk,
                                               .on_error = on_error,
                                               .on_close = on_close,
                                               .on_drain = on_drain}};

/* One call of the API; no callback may fire inside. */
#define CALL(result, expression) (world.inside++, (result) = (expression), world.inside--)

static void act_connect(struct user *u, uint8_t flags) {
  static const char *const proxies[] = {NULL, "socks5://u:p@proxy", "socks5h://proxy",
                                        "http://u:p@proxy"};
  static const char *const protocols[] = {"chat"};
  uvws_options_t o = {.size = sizeof o, .uri = "ws://a.example/x"};
  int result;
  o.protocols = flags & 1 ? protocols : NULL;
  o.protocol_count = flags & 1;
  o.proxy = proxies[flags >> 1 & 3];
  o.max_redirects = flags & 8 ? 2 : 0;
  o.ping_interval_ms = flags & 16 ? 1000 : 0;
  o.idle_timeout_ms = flags & 32 ? 5000 : 0;
  o.compression = flags & 64 ? UVWS_COMPRESSION_OFF : UVWS_COMPRESSION_DEFAULT;
  o.max_message_size = flags & 128 ? 1000 : 100000;
  o.high_water_mark = flags & 128 ? 100 : 0;
  o.max_buffered = flags & 128 ? 5000 : 0;
  o.client_no_context_takeover = flags & 32;
  CALL(result, uvws_connect(u->ws, &o));
  if (result) return;
  MUST(u->connects == u->closes);
  u->connects++;
  u->opens = u->errors = 0;
}

static void act_send(struct user *u, uint8_t flags) {
  static const char text[2000] = "never text that is not ASCII";
  size_t len = flags & 1 ? fuzz_short(&world.in) % sizeof text : flags;
  int result;
  u->sends++; /* it must not fire inside */
  CALL(result, uvws_send(u->ws, flags & 2 ? UVWS_TEXT : UVWS_BINARY, text, len, flags >> 2 & 3,
                         on_sent, u));
  if (result < 0) u->sends--;
}

static void act_begin(struct user *u, uint8_t flags) {
  int result;
  CALL(result, uvws_message_begin(u->ws, UVWS_BINARY, flags & 3));
  MUST(result <= 0);
}

static void act_piece(struct user *u, size_t len) {
  int result;
  u->sends++;
  CALL(result, uvws_message_write(u->ws, "a piece of a message", len, on_sent, u));
  if (result < 0) u->sends--;
}

static void act_end(struct user *u) {
  int result;
  u->sends++;
  CALL(result, uvws_message_end(u->ws, on_sent, u));
  if (result < 0) u->sends--;
}

static void act_look(struct user *u) {
  uvws_stats_t stats = {.size = sizeof stats};
  char text[64];
  MUST(uvws_stats(u->ws, &stats) == 0);
  MUST(uvws_context_stats(world.ctx, &stats) == 0);
  (void)uvws_stats_prometheus(&stats, NULL, text, sizeof text);
  MUST(uvws_last_error(u->ws));
  (void)uvws_protocol(u->ws);
  (void)uvws_response_header(u->ws, "server");
  MUST(uvws_buffered(u->ws) < 10000000);
}

static void act_close_all(uint8_t flags) {
  int result;
  world.close_alls++;
  CALL(result, uvws_context_close_all(world.ctx, 1001, "bye", 3, flags * 10u, on_close_all, NULL));
  if (result) world.close_alls--;
}

static void act_renew(struct user *u) {
  if (u->ws || u->connects != u->closes || u->sends != u->sents) return;
  memset(u, 0, sizeof *u);
  if (uvws_new(world.ctx, &callbacks[fuzz_byte(&world.in) & 1], u, &u->ws)) u->ws = NULL;
}

static void act_free(struct user *u, int is_silent) {
  if (is_silent) {
    uvws_set_callbacks(u->ws, NULL);
    u->is_silent = 1;
  }
  uvws_t *ws = u->ws;
  u->ws = NULL;
  world.inside++;
  uvws_free(ws);
  world.inside--;
  if (is_silent) u->closes = u->connects; /* nobody tells */
}

static void act(struct user *u, uint8_t what) {
  if (!u->ws) {
    act_renew(u);
    return;
  }
  switch (what % 16) {
  case 0:
    act_connect(u, fuzz_byte(&world.in));
    break;
  case 1:
  case 2:
    act_send(u, fuzz_byte(&world.in));
    break;
  case 3:
    CALL(u->last, uvws_close(u->ws, what & 16 ? 1000 : 0, NULL, 0));
    break;
  case 4:
    CALL(u->last, uvws_close(u->ws, 3000 + fuzz_byte(&world.in), "why", 3));
    break;
  case 5:
    CALL(u->last, uvws_ping(u->ws, "ping", 4));
    break;
  case 6:
    world.inside++, uvws_pause(u->ws), world.inside--;
    break;
  case 7:
    world.inside++, uvws_resume(u->ws), world.inside--;
    break;
  case 8:
    act_begin(u, fuzz_byte(&world.in));
    break;
  case 9:
    act_piece(u, fuzz_byte(&world.in) % 20);
    break;
  case 10:
    act_end(u);
    break;
  case 11:
    act_look(u);
    break;
  case 12:
    act_free(u, 0);
    break;
  case 13:
    act_free(u, what & 16);
    break;
  case 14:
    act_close_all(fuzz_byte(&world.in));
    break;
  default:
    act_connect(u, 0);
    break;
  }
}

static void deliver_input(struct net_link *link) {
  size_t len, want = fuzz_byte(&world.in);
  uint8_t *data = fuzz_take(&world.in, want, &len);
  net_deliver(link, data, len);
  free(data);
}

static void turn(void) {
  uv_run(&world.loop, UV_RUN_NOWAIT);
}

static void pass(uint64_t ms) {
  world.fake.now_ms += ms;
  uvws__deadlines_run(&world.ctx->deadlines);
}

static void step(uint8_t what) {
  struct net_link *link = &fuzz_net.links[(what >> 5) % NET_DIALS];
  world.within = 0;
  switch (what % 32) {
  case 0:
  case 1:
    turn();
    break;
  case 2:
    net_resolve(link);
    break;
  case 3:
    net_connect(link, 0);
    break;
  case 4:
    net_connect(link, UV_ECONNREFUSED);
    break;
  case 5:
  case 6:
    server_answer(link, fuzz_byte(&world.in));
    break;
  case 7:
  case 8:
  case 9:
    server_say(link, fuzz_byte(&world.in));
    break;
  case 10:
  case 11:
    deliver_input(link);
    break;
  case 12:
    net_end(link, UV_EOF);
    break;
  case 13:
    net_end(link, UV_ECONNRESET);
    break;
  case 14:
  case 15:
    net_written(link, 0);
    break;
  case 16:
    net_written(link, UV_EPIPE);
    break;
  case 17:
    net_progress(link);
    break;
  case 18:
    (void)net_finish(link);
    break;
  case 19:
    fuzz_net.write = (enum net_write)(fuzz_byte(&world.in) % 3);
    break;
  case 20:
    fuzz_net.refuses_dials = fuzz_byte(&world.in) & 1;
    break;
  case 21:
    fuzz_net.refuses_reading = fuzz_byte(&world.in) & 1;
    break;
  case 22:
    pass(fuzz_byte(&world.in));
    break;
  case 23:
    pass(fuzz_byte(&world.in) * 100u);
    break;
  case 24:
    world.fake.fail_at = world.fake.asked + fuzz_byte(&world.in) % 16 + 1;
    break;
  case 25:
    world.fake.random_error = fuzz_byte(&world.in) & 1 ? UV_EIO : 0;
    break;
  default:
    act(&world.users[(what >> 5) % CLIENTS], fuzz_byte(&world.in));
    break;
  }
}

/* The network ends all that is still there; what was promised must come. */
static void settle(void) {
  world.is_ending = 1;
  world.fake.fail_at = 0;
  world.fake.random_error = 0;
  fuzz_net.refuses_reading = 0;
  for (int i = 0; i < CLIENTS; i++)
    if (world.users[i].ws) act_free(&world.users[i], 0);
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < NET_DIALS; i++)
      (void)net_finish(&fuzz_net.links[i]);
    turn();
  }
}

static void begin(void) {
  memset(&world, 0, sizeof world);
  fake_env_init(&world.fake);
  world.fake.now_ms = 1000000;
  MUST(!uv_loop_init(&world.loop));
  MUST(!uvws__context_new(&world.loop, &world.fake.env, &world.ctx));
  net_init(world.ctx);
  for (int i = 0; i < CLIENTS; i++)
    MUST(!uvws_new(world.ctx, &callbacks[i & 1], &world.users[i], &world.users[i].ws));
}

static void end(void) {
  settle();
  uvws_context_free(world.ctx);
  MUST(uv_run(&world.loop, UV_RUN_DEFAULT) == 0);
  for (int i = 0; i < CLIENTS; i++) {
    MUST(world.users[i].closes == world.users[i].connects);
    MUST(world.users[i].sents == world.users[i].sends);
  }
  MUST(world.close_alls == world.close_alls_done);
  net_deinit();
  MUST(uv_loop_close(&world.loop) == 0);
  MUST(world.fake.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  begin();
  world.in = (struct fuzz_input){data, len};
  for (int i = 0; i < STEPS && world.in.len; i++)
    step(fuzz_byte(&world.in));
  end();
  return 0;
}
