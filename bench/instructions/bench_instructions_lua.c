/*
 * bench_instructions_lua [lua | coroutine | view]: the same phases through plugin.websockets, a
 * listener that counts and a function that sends; or through uvws, which receives in a coroutine or
 * looks at views, and sends in a coroutine. LUA_PATH has to lead to the Lua files.
 */
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/client.h"
#include "phase.h"

int luaopen_uvws_core(lua_State *L);

static const char listener[] =
    "local WebSockets = require('plugin.websockets')\n"
    "local start = ...\n"
    "local ws = WebSockets.new()\n"
    "local received = 0\n"
    "local function send(is_text, data, count)\n"
    "  for i = 1, count do\n"
    "    if is_text then ws:send(data) else ws:send(data, ws.BINARY) end\n"
    "  end\n"
    "end\n"
    "ws:addEventListener(ws.WSEVENT, function(event)\n"
    "  if event.type == ws.ONMESSAGE then received = received + #event.data\n"
    "  elseif event.type == ws.ONOPEN then start(send)\n"
    "  elseif event.type == ws.ONERROR then error(event.reason) end\n"
    "end)\n"
    "return function() ws:connect('ws://memory/', { compression = false }) WebSockets.run() end, "
    "ws, \n"
    "  function() assert(received > 0) ws:disconnect() end\n";

/* Both ways of uvws send alike. The client of plugin.websockets is there to find the context by. */
#define UVWS_SCRIPT(receive)                                                                       \
  "local uvws = require('uvws')\n"                                                                 \
  "local start = ...\n"                                                                            \
  "local ws\n"                                                                                     \
  "local received = 0\n"                                                                           \
  "local send = coroutine.wrap(function(is_text, data, count)\n"                                   \
  "  while true do\n"                                                                              \
  "    for i = 1, count do\n"                                                                      \
  "      if is_text then ws:send(data) else ws:send(data, uvws.BINARY) end\n"                      \
  "    end\n"                                                                                      \
  "    is_text, data, count = coroutine.yield()\n"                                                 \
  "  end\n"                                                                                        \
  "end)\n"                                                                                         \
  "local function talk()\n"                                                                        \
  "  ws = assert(uvws.connect('ws://memory/', { compression = false }))\n"                         \
  "  start(send)\n" receive "end\n"                                                                \
  "return function() uvws.run(talk) end, require('plugin.websockets').new(),\n"                    \
  "  function() assert(received > 0) ws:close() end\n"

static const char coroutine[] =
    UVWS_SCRIPT("  for message in ws:messages() do received = received + #message end\n");

static const char view[] = UVWS_SCRIPT(
    "  ws:views(function(pointer, len) if pointer then received = received + len end end)\n");

static const struct {
  const char *name;
  const char *script;
} ways[] = {{"lua", listener}, {"coroutine", coroutine}, {"view", view}};

static struct bench_wire wire;
static uint64_t allocations; /* Lua allocates as it likes; the library's own are counted in C */
static int send_ref;
static int stop_ref;

static void call(lua_State *L, int arg_count, int result_count) {
  if (lua_pcall(L, arg_count, result_count, 0) == 0) return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  abort();
}

static void send_messages(void *face, int is_text, const uint8_t *data, size_t len,
                          unsigned count) {
  lua_State *L = face;
  lua_rawgeti(L, LUA_REGISTRYINDEX, send_ref);
  lua_pushboolean(L, is_text);
  lua_pushlstring(L, (const char *)data, len);
  lua_pushinteger(L, (lua_Integer)count);
  call(L, 3, 0);
}

static void on_done(void *face) {
  lua_State *L = face;
  lua_rawgeti(L, LUA_REGISTRYINDEX, stop_ref);
  call(L, 0, 0);
}

static struct bench_face face = {"lua", send_messages, NULL};

static uv_loop_t *loop;

/* start(send): the connection is open. */
static int start(lua_State *L) {
  lua_settop(L, 1);
  send_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  bench_phases_start(loop, &wire, &face, &allocations, on_done);
  return 0;
}

static void preload(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_uvws_core);
  lua_setfield(L, -2, "uvws.core");
  lua_settop(L, 0);
}

/* The context behind the client at `index`: its dialler becomes ours. */
static void put_wire_below(lua_State *L, int index) {
  lua_rawgeti(L, index, 1);
  struct uvws__lua_client *lua_client = lua_touserdata(L, -1);
  uvws_context_t *ctx = uvws_context(lua_client->ws);
  loop = uvws_context_loop(ctx);
  bench_wire_init(&wire, ctx);
  lua_pop(L, 1);
}

int main(int argc, char **argv) {
  size_t way = 0;
  for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
    if (strcmp(argv[1], ways[i].name) == 0) way = i;
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  luaL_openlibs(L);
  face.face = L;
  face.name = ways[way].name;
  preload(L);
  if (luaL_loadstring(L, ways[way].script) != 0) return 1;
  lua_pushcfunction(L, start);
  call(L, 1, 3);
  put_wire_below(L, 2);
  stop_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
  call(L, 0, 0);
  lua_close(L);
  return 0;
}
