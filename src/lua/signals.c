/*
 * SIGINT, SIGTERM and SIGHUP, for whoever owns the process: lua/uvws/loop.lua watches them in `uvws
 * run`. The handles are made when they are first wanted and do not keep the loop alive.
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
  uv_signal_t *const handles[] = {&host->interrupt, &host->terminate, &host->hangup};
  const size_t count = sizeof handles / sizeof *handles;
  if (host->has_signals) return 0;
  for (size_t i = 0; i < count; i++) {
    int err = uv_signal_init(&host->loop, handles[i]);
    if (err != 0) {
      while (i-- > 0)
        uv_close((uv_handle_t *)handles[i], NULL);
      return err;
    }
    handles[i]->data = host;
    uv_unref((uv_handle_t *)handles[i]);
  }
  host->has_signals = true;
  return 0;
}

/* So says nohup(1) that the end of the terminal is none of the program's business. */
static bool is_hangup_ignored(void) {
#if defined(_WIN32)
  return false;
#else
  struct sigaction found;
  return sigaction(SIGHUP, NULL, &found) == 0 && found.sa_handler == SIG_IGN;
#endif
}

static int start_handles(struct uvws__lua_host *host) {
  int err = init_handles(host);
  if (err == 0) err = uv_signal_start(&host->interrupt, on_signal, SIGINT);
  if (err == 0) err = uv_signal_start(&host->terminate, on_signal, SIGTERM);
  if (err == 0 && !is_hangup_ignored()) err = uv_signal_start(&host->hangup, on_signal, SIGHUP);
  return err;
}

static void stop_handles(struct uvws__lua_host *host) {
  if (!host->has_signals) return;
  uv_signal_stop(&host->interrupt);
  uv_signal_stop(&host->terminate);
  uv_signal_stop(&host->hangup);
}

static int host_is_hangup_ignored(lua_State *L) {
  lua_pushboolean(L, is_hangup_ignored());
  return 1;
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
  uv_close((uv_handle_t *)&host->hangup, NULL);
}

void uvws__lua_signals_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {
      {"on_signal", host_on_signal}, {"is_hangup_ignored", host_is_hangup_ignored}, {NULL, NULL}};
  uvws__lua_register(L, host, functions);
}
