/*
 * SIGINT and SIGTERM, for whoever owns the process: lua/uvws/loop.lua watches them in `uvws run`.
 * The handles are made when they are first wanted and do not keep the loop alive.
 */
#include <signal.h>

#include "lua/client.h"

static void on_signal(uv_signal_t *handle, int number) {
  struct uvws__lua_host *host = handle->data;
  lua_State *L = host->turning;
  if (!L) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->signal_ref);
  lua_pushinteger(L, number);
  uvws__lua_host_call(L, host, 1);
}

static int init_handles(struct uvws__lua_host *host) {
  if (host->has_signals) return 0;
  int err = uv_signal_init(&host->loop, &host->interrupt);
  if (err != 0) return err;
  err = uv_signal_init(&host->loop, &host->terminate);
  if (err != 0) {
    uv_close((uv_handle_t *)&host->interrupt, NULL);
    return err;
  }
  host->interrupt.data = host;
  host->terminate.data = host;
  uv_unref((uv_handle_t *)&host->interrupt);
  uv_unref((uv_handle_t *)&host->terminate);
  host->has_signals = true;
  return 0;
}

static int start_handles(struct uvws__lua_host *host) {
  int err = init_handles(host);
  if (err == 0) err = uv_signal_start(&host->interrupt, on_signal, SIGINT);
  if (err == 0) err = uv_signal_start(&host->terminate, on_signal, SIGTERM);
  return err;
}

static void stop_handles(struct uvws__lua_host *host) {
  if (!host->has_signals) return;
  uv_signal_stop(&host->interrupt);
  uv_signal_stop(&host->terminate);
}

/* on_signal(fn): fn(number) is called while the loop turns; nil: the signals have their usual
 * effect again. true, or nil, message, code. */
static int host_on_signal(lua_State *L) {
  struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  if (!host->context) return luaL_error(L, "the Lua state is closing");
  int err = 0;
  stop_handles(host);
  luaL_unref(L, LUA_REGISTRYINDEX, host->signal_ref);
  host->signal_ref = LUA_NOREF;
  if (!lua_isnoneornil(L, 1)) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    host->signal_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    err = start_handles(host);
    if (err != 0) stop_handles(host);
  }
  if (err != 0) return uvws__lua_push_failure(L, uvws_strerror(err), err);
  lua_pushboolean(L, 1);
  return 1;
}

void uvws__lua_signals_close(struct uvws__lua_host *host) {
  if (!host->has_signals) return;
  uv_close((uv_handle_t *)&host->interrupt, NULL);
  uv_close((uv_handle_t *)&host->terminate, NULL);
}

void uvws__lua_signals_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {{"on_signal", host_on_signal}, {NULL, NULL}};
  uvws__lua_register(L, host, functions);
}
