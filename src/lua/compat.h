/*
 * What LuaJIT (Lua 5.1 with luaL_traceback) and Lua 5.2 to 5.4 call differently. Lua 5.1 itself is
 * not here: its coroutines cannot wait below pcall.
 */
#ifndef UVWS_LUA_COMPAT_H
#define UVWS_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM >= 502
#define lua_objlen lua_rawlen
/* The table that goes with a userdata. */
#define lua_setfenv lua_setuservalue
#define lua_getfenv lua_getuservalue

static inline int luaL_typerror(lua_State *L, int arg, const char *name) {
  return luaL_argerror(L, arg,
                       lua_pushfstring(L, "%s expected, got %s", name, luaL_typename(L, arg)));
}
#endif

/* A whole number, which is one for Lua too where it knows the difference. */
static inline void uvws__lua_push_whole(lua_State *L, double number) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)number);
#else
  lua_pushnumber(L, number);
#endif
}

#endif
