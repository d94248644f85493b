/* The Lua module uvws.core: what lua/plugin/websockets.lua, and every other face, is made of. */
#include "lua/ask.h"
#include "lua/client.h"
#include "lua/trace.h"

UVWS_API
int luaopen_uvws_core(lua_State *L);

/* error_name(code): the symbolic name of the code that a failed call returned. */
static int error_name(lua_State *L) {
  lua_pushstring(L, uvws_err_name((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* error_text(code): a sentence for it. */
static int error_text(lua_State *L) {
  lua_pushstring(L, uvws_strerror((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* The codes that the Lua half returns itself. */
static void set_codes(lua_State *L) {
  static const struct {
    const char *name;
    int code;
  } codes[] = {{"ETIMEDOUT", UV_ETIMEDOUT},
               {"ECANCELED", UV_ECANCELED},
               {"ENOTOPEN", UVWS_ENOTOPEN},
               {"EOPTION", UVWS_EOPTION}};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    lua_pushinteger(L, codes[i].code);
    lua_setfield(L, -2, codes[i].name);
  }
}

int luaopen_uvws_core(lua_State *L) {
  struct uvws__lua_host *host = uvws__lua_host_new(L);
  lua_newtable(L);
  uvws__lua_host_register(L, host);
  uvws__lua_client_register(L, host);
  uvws__lua_send_register(L, host);
  uvws__lua_observe_register(L, host);
  uvws__lua_signals_register(L, host);
  uvws__lua_ask_register(L, host);
  uvws__lua_trace_register(L, host);
  lua_pushcfunction(L, error_name);
  lua_setfield(L, -2, "error_name");
  lua_pushcfunction(L, error_text);
  lua_setfield(L, -2, "error_text");
  set_codes(L);
  lua_pushstring(L, uvws_version());
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
