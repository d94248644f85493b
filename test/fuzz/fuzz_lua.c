/*
 * The Lua modules on a network that is not there (fake_net.h): the input says what the network
 * does, how the clock runs, and, by way of user.lua, which function is called with which arguments,
 * what is done inside each callback, what is collected, and when the state closes. Nothing may
 * crash, leak or be left on the network. LuaJIT itself is not instrumented. TLS has a target of its
 * own.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "conn/context.h"
#include "fake_server.h"
#include "lua/host.h"

int luaopen_uvws_core(lua_State *L);

#define STEPS 500 /* of one input */

static struct world {
  struct fuzz_input in;
  int steps;
  struct uvws__lua_host *host;
  uv_idle_t idle; /* on the state's loop: the network acts inside a turn, as a network does */
  uint64_t now_ms;
  int is_ending;
} world;

static uint64_t fake_now(void *arg) {
  (void)arg;
  return world.now_ms;
}

static int fake_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
                            const char *node, const char *service, const struct addrinfo *hints) {
  (void)loop, (void)req, (void)cb, (void)node, (void)service, (void)hints;
  return UV_EAI_NONAME;
}

static int is_used_up(void) {
  return !world.in.len || world.steps >= STEPS;
}

static void deliver_input(struct net_link *link) {
  size_t len, want = fuzz_byte(&world.in);
  uint8_t *data = fuzz_take(&world.in, want, &len);
  net_deliver(link, data, len);
  free(data);
}

static void pass(uint64_t ms) {
  world.now_ms += ms;
  uvws__deadlines_run(&world.host->context->deadlines);
}

static void net_step(uint8_t what) {
  struct net_link *link = &fuzz_net.links[(what >> 4) % 4];
  switch (what % 16) {
  case 0:
    net_resolve(link);
    break;
  case 1:
  case 2:
    net_connect(link, 0);
    break;
  case 3:
    net_connect(link, UV_ECONNREFUSED);
    break;
  case 4:
  case 5:
    server_answer(link, fuzz_byte(&world.in));
    break;
  case 6:
  case 7:
    server_say(link, fuzz_byte(&world.in));
    break;
  case 8:
    deliver_input(link);
    break;
  case 9:
    net_end(link, what & 0x80 ? UV_ECONNRESET : UV_EOF);
    break;
  case 10:
    net_written(link, what & 0x80 ? UV_EPIPE : 0);
    break;
  case 11:
    fuzz_net.write = (enum net_write)(fuzz_byte(&world.in) % 3);
    break;
  case 12:
    (void)net_finish(link);
    break;
  case 13:
    fuzz_net.refuses_dials = what >> 7;
    break;
  case 14:
    pass(fuzz_byte(&world.in) * 100u);
    break;
  default:
    break; /* a turn in which nothing happens */
  }
}

static int is_busy(void) {
  for (int i = 0; i < NET_DIALS; i++)
    if (fuzz_net.links[i].stage != NET_FREE) return 1;
  return 0;
}

/* While the state closes: each close is told, then the loop may close. */
static void end_all(void) {
  for (int i = 0; i < NET_DIALS; i++)
    (void)net_finish(&fuzz_net.links[i]);
  if (!is_busy()) uv_close((uv_handle_t *)&world.idle, NULL);
}

/* A link keeps the loop alive, as a socket does. */
static void on_dial(void) {
  uv_ref((uv_handle_t *)&world.idle);
}

/* One step a turn; at the end of the input nobody waits any longer. */
static void on_idle(uv_idle_t *idle) {
  if (world.is_ending) {
    end_all();
    return;
  }
  if (is_used_up()) {
    uv_stop(idle->loop);
    return;
  }
  world.steps++;
  net_step(fuzz_byte(&world.in));
  if (!is_busy()) uv_unref((uv_handle_t *)idle);
}

/* For user.lua: the next byte of the input, nil at its end. */
static int next_byte(lua_State *L) {
  if (is_used_up()) return 0;
  world.steps++;
  lua_pushinteger(L, fuzz_byte(&world.in));
  return 1;
}

/* The host is an upvalue of every function of the core. */
static void find_host(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "uvws.core");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "turn");
  MUST(lua_getupvalue(L, -1, 1));
  world.host = lua_touserdata(L, -1);
  MUST(world.host && world.host->context);
  lua_settop(L, 0);
}

static void take_network(void) {
  uvws_context_t *ctx = world.host->context;
  world.now_ms = 1000000;
  ctx->has_own_clock = 1;
  ctx->env.now_ms = fake_now;
  ctx->env.getaddrinfo = fake_getaddrinfo;
  net_init(ctx);
  fuzz_net.on_dial = on_dial;
  MUST(!uv_idle_init(&world.host->loop, &world.idle));
  MUST(!uv_idle_start(&world.idle, on_idle));
  uv_unref((uv_handle_t *)&world.idle);
}

static void open_modules(lua_State *L) {
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_pushliteral(L, UVWS_FUZZ_LUA "/?.lua");
  lua_setfield(L, -2, "path");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_uvws_core);
  lua_setfield(L, -2, "uvws.core");
  lua_settop(L, 0);
}

static void must_succeed(lua_State *L, int status) {
  if (status == 0) return;
  fprintf(stderr, "user.lua: %s\n", lua_tostring(L, -1));
  abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  lua_State *L = luaL_newstate();
  MUST(L);
  memset(&world, 0, sizeof world);
  world.in = (struct fuzz_input){data, len};
  open_modules(L);
  find_host(L);
  take_network();
  must_succeed(L, luaL_loadfile(L, UVWS_FUZZ_USER));
  lua_pushcfunction(L, next_byte);
  must_succeed(L, lua_pcall(L, 1, 0, 0));
  world.is_ending = 1;
  uv_ref((uv_handle_t *)&world.idle);
  lua_close(L);
  net_deinit();
  return 0;
}
