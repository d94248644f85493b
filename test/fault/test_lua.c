/*
 * Programs in Lua with the first, the second, ... allocation of the Lua state failing. What comes
 * of it is an error in Lua, raised or reported, and never more: behind it the same state, with the
 * same loop, has a whole conversation, and it closes without a block or a descriptor left.
 *
 * The peer runs in a thread of its own, since the binding's loop is nobody else's.
 */
#include "fault/descriptors.h"
#include "fault/fault.h"
#include "support/fixture.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <unistd.h>

#define HANGS_S 60

int luaopen_uvws_core(lua_State *L);

static const char *lua_folder;

/*
 * The far end
 */

struct far {
  uv_loop_t loop;
  uv_async_t stop;
  struct peer peer;
  uv_thread_t thread;
};

static void on_stop(uv_async_t *stop) {
  struct far *far = stop->data;
  peer_close(&far->peer);
  uv_close((uv_handle_t *)stop, NULL);
}

static void run_far(void *arg) {
  struct far *far = arg;
  uv_run(&far->loop, UV_RUN_DEFAULT);
}

static void far_start(struct far *far) {
  static const struct peer_plan plan = {.echoes = 1};
  assert_int_equal(uv_loop_init(&far->loop), 0);
  assert_int_equal(uv_async_init(&far->loop, &far->stop, on_stop), 0);
  far->stop.data = far;
  peer_init(&far->peer, &far->loop, &plan);
  assert_int_equal(uv_thread_create(&far->thread, run_far, far), 0);
}

static void far_stop(struct far *far) {
  uv_async_send(&far->stop);
  uv_thread_join(&far->thread);
  assert_int_equal(uv_loop_close(&far->loop), 0);
  peer_deinit(&far->peer);
}

/*
 * Programs
 */

struct program {
  const char *name;
  const char *before; /* what does not fail; may be NULL */
  const char *text;
  const char *behind; /* what must go well whatever failed; may be NULL */
  size_t allocations; /* at least */
  size_t step;        /* every so many-th fails; 0: each */
};

#define UVWS "uvws = require('uvws') "
#define QUIETLY "reports = 0 uvws.set_error_handler(function() reports = reports + 1 end) "
#define SHORT                                                                                      \
  "short = { connect_timeout_ms = 300, handshake_timeout_ms = 300, close_timeout_ms = 50,"         \
  "          idle_timeout_ms = 20 } "
#define BEFORE UVWS QUIETLY SHORT

/* A client of before can connect again, once its connection has come to its end. */
#define BEHIND                                                                                     \
  "uvws.run() "                                                                                    \
  "assert(uvws.stats().open == 0) "                                                                \
  "uvws.run(function() "                                                                           \
  "  local ws = assert(uvws.connect(URI)) "                                                        \
  "  assert(ws:send('again')) "                                                                    \
  "  assert(ws:receive() == 'again') "                                                             \
  "  assert(ws:close()) "                                                                          \
  "end) "

static const struct program programs[] = {
    /* LuaJIT's ffi cannot be loaded half: a state in which memory ended while it was leaks, or its
     * lua_close crashes (lj_ctype_init, gc_finalize_cdata in 2.1.0-beta3). */
    {"loading the modules", "require('ffi')", "require('uvws') require('plugin.websockets')", NULL,
     1500, 13},
    {"a coroutine", BEFORE,
     "uvws.run(function() "
     "  local ws = uvws.connect(URI, short) "
     "  if not ws then return end "
     "  ws:send('hello') "
     "  ws:receive() "
     "  uvws.sleep(1) "
     "  ws:ping(1) "
     "  ws:close(1000, 'bye') "
     "end)",
     BEHIND, 30},
    {"callbacks", BEFORE,
     "uvws.connect(URI, short, function(ws) "
     "  if not ws then return end "
     "  ws:send('hello', function() end) "
     "  ws:receive(function() ws:close(function() end) end) "
     "end) "
     "uvws.run()",
     BEHIND, 30},
    {"listeners",
     BEFORE "sockets = require('plugin.websockets') "
            "old = sockets.new() ",
     "local function listen(event) "
     "  if event.type == old.ONOPEN then old:send('hello') end "
     "  if event.type == old.ONMESSAGE then old:disconnect() end "
     "end "
     "old:addEventListener(old.WSEVENT, listen) "
     "old:connect(URI, short) "
     "sockets.run()",
     BEHIND "old:addEventListener(old.WSEVENT, function(event) "
            "  if event.type == old.ONOPEN then old:disconnect() end "
            "  closes = (closes or 0) + (event.type == old.ONCLOSE and 1 or 0) "
            "end) "
            "assert(old:connect(URI)) "
            "sockets.run() "
            "assert(closes == 1)",
     20},
    {"pieces and views of the state", BEFORE,
     "uvws.run(function() "
     "  local ws = uvws.connect(URI, short) "
     "  if not ws then return end "
     "  ws:message_begin('binary') ws:message_write('one') ws:message_end() "
     "  local all = { ws.stats, ws.state, ws.buffered, ws:prometheus('a=\"b\"'), "
     "ws:header('upgrade') } "
     "  uvws.prometheus() "
     "  ws:tls_info() "
     "  uvws.close_all(1001, 'bye', 50) "
     "end)",
     BEHIND, 60},
    {"a refused connection", BEFORE,
     "uvws.run(function() uvws.connect('ws://127.0.0.1:1/', short) uvws.connect('nonsense') end)",
     BEHIND, 20},
    {"a trace", BEFORE,
     "uvws.trace('frames', function() end) "
     "uvws.run(function() "
     "  local ws = uvws.connect(URI, short) "
     "  if ws then ws:send('hello') ws:receive() ws:close() end "
     "end)",
     "uvws.trace('off') " BEHIND, 40},
    {"hooks of reconnection", BEFORE,
     "local options = { connect_timeout_ms = 300, reconnect = { delay_ms = 1, max_attempts = 2, "
     "  should_retry = function() return true end, "
     "  before_attempt = function(o) return o end } } "
     "uvws.run(function() uvws.connect('ws://127.0.0.1:1/', options) end)",
     BEHIND, 20},
    {0}};

/* Blocks that the state holds. Lua relies on it that nothing fails which asks for less. */
static size_t live;

static void *memory(void *arg, void *ptr, size_t before, size_t size) {
  (void)arg;
  if (!size) {
    live -= ptr != NULL;
    free(ptr);
    return NULL;
  }
  if (size > before && fault_is_due(FAULT_LUA)) return NULL;
  void *fresh = realloc(ptr, size);
  assert_non_null(fresh);
  live += ptr == NULL;
  return fresh;
}

static int on_panic(lua_State *L) {
  fail_msg("an error that nobody caught: %s", lua_tostring(L, -1));
  return 0;
}

/* In place of LuaJIT's own, which leaves a file open when memory ends between opening it and
 * naming it (luaL_loadfilex in lj_load.c). */
static const char loader[] =
    "package.loaders[2] = function(name) "
    "  local file = io.open(FOLDER .. '/' .. name:gsub('%.', '/') .. '.lua') "
    "  if not file then return end "
    "  local text = file:read('*a') "
    "  file:close() "
    "  return assert(loadstring(text, '=' .. name)) "
    "end";

static void set_string(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setglobal(L, name);
}

static lua_State *open_state(unsigned port) {
  char text[256];
  lua_State *L = lua_newstate(memory, NULL);
  assert_non_null(L);
  lua_atpanic(L, on_panic);
  luaL_openlibs(L);
  snprintf(text, sizeof text, "ws://127.0.0.1:%u/", port);
  set_string(L, "URI", text);
  set_string(L, "FOLDER", lua_folder);
  assert_int_equal(luaL_dostring(L, loader), 0);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_uvws_core);
  lua_setfield(L, -2, "uvws.core");
  lua_settop(L, 0);
  return L;
}

static void run_well(lua_State *L, const char *text) {
  if (text && luaL_dostring(L, text) != 0) fail_msg("%zu: %s", fault.at, lua_tostring(L, -1));
  lua_settop(L, 0);
}

/* An error is one of memory, however it is put. */
static void run_badly(lua_State *L, const struct program *p, size_t n, int goes_on) {
  assert_int_equal(luaL_loadstring(L, p->text), 0);
  fault_arm(FAULT_LUA, n, goes_on);
  int err = lua_pcall(L, 0, 0, 0);
  fault_disarm();
  if (err && !fault.hits) fail_msg("%s", lua_tostring(L, -1));
  if (err && !strstr(lua_tostring(L, -1), "memory")) fail_msg("%zu: %s", n, lua_tostring(L, -1));
  lua_settop(L, 0);
}

/* Answers whether anything failed. */
static int round_fails(const struct program *p, size_t n, int goes_on) {
  struct far far;
  int descriptors = count_descriptors();
  live = 0;
  alarm(HANGS_S);
  far_start(&far);
  lua_State *L = open_state(far.peer.port);
  run_well(L, p->before);
  run_badly(L, p, n, goes_on);
  run_well(L, p->behind);
  lua_close(L);
  far_stop(&far);
  assert_int_equal(live, 0);
  if (n > 1) assert_int_equal(count_descriptors(), descriptors);
  return fault.hits > 0;
}

static void repeat(const struct program *p, int goes_on) {
  size_t n = 1;
  while (n < FAULT_ROUNDS_MAX && round_fails(p, n, goes_on))
    n += p->step ? p->step : 1;
  assert_in_range(n, p->allocations, FAULT_ROUNDS_MAX - 1);
}

static void survives_each_allocation_that_fails(void **state) {
  repeat(*state, 0);
}

static void survives_memory_that_runs_out(void **state) {
  repeat(*state, 1);
}

int main(int argc, char **argv) {
  struct CMUnitTest tests[2 * sizeof programs / sizeof *programs];
  static char names[2 * sizeof programs / sizeof *programs][128];
  size_t count = 0;
  if (argc < 2) return 2;
  lua_folder = argv[1];
  for (const struct program *p = programs; p->name; p++, count++) {
    snprintf(names[count], sizeof names[0], "%s survives each allocation that fails", p->name);
    tests[count] = ROW(names[count], survives_each_allocation_that_fails, p);
    count++;
    snprintf(names[count], sizeof names[0], "%s survives memory that runs out", p->name);
    tests[count] = ROW(names[count], survives_memory_that_runs_out, p);
  }
  return _cmocka_run_group_tests("lua", tests, count, NULL, NULL);
}
