/* Sending from Lua: whole messages, with a completion where one is wanted, and messages in pieces.
 */
#include <string.h>

#include "lua/client.h"

static uvws_kind_t check_kind(lua_State *L, int index) {
  if (lua_type(L, index) <= LUA_TNIL) return UVWS_TEXT;
  size_t len;
  const char *kind = uvws__lua_check_string(L, index, "kind", &len);
  if (len == 6 && memcmp(kind, "binary", 6) == 0) return UVWS_BINARY;
  if (len != 4 || memcmp(kind, "text", 4) != 0)
    luaL_argerror(L, index, "kind must be \"text\" or \"binary\"");
  return UVWS_TEXT;
}

/* Flags of uvws_send: "compressed" or "plain". */
static unsigned check_how(lua_State *L, int index) {
  if (lua_type(L, index) <= LUA_TNIL) return 0;
  const char *how = uvws__lua_check_string(L, index, "how", NULL);
  if (strcmp(how, "compressed") == 0) return UVWS_SEND_COMPRESSED;
  if (strcmp(how, "plain") != 0) luaL_argerror(L, index, "how must be \"compressed\" or \"plain\"");
  return UVWS_SEND_PLAIN;
}

/* true, and true once more when the queue has reached high_water_mark; else nil, message, code. */
static int push_sent(lua_State *L, const struct uvws__lua_client *client, int err) {
  int count = uvws__lua_push_result(L, client, err);
  if (err != UVWS_ABOVE_MARK) return count;
  lua_pushboolean(L, 1);
  return 2;
}

/* The client may be gone by now, its host is not: the loop leads to it. */
static void on_sent(uvws_t *ws, int status, void *arg) {
  struct uvws__lua_host *host = uvws_context_loop(uvws_context(ws))->data;
  uvws__lua_host_complete(host, (int)(intptr_t)arg, status);
}

/* send(self, data [, kind [, how [, fn]]]): fn(0) once the bytes are handed to the kernel, or
 * fn(nil, message, code), if the call itself has not failed. */
static int client_send(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  size_t len;
  const char *data = uvws__lua_check_string(L, 2, "data", &len);
  int top = lua_gettop(L); /* the most frequent calls have but two or three arguments */
  uvws_kind_t kind = top > 2 ? check_kind(L, 3) : UVWS_TEXT;
  unsigned flags = top > 3 ? check_how(L, 4) : 0;
  if (top < 5 || lua_isnil(L, 5))
    return push_sent(L, client, uvws_send(client->ws, kind, data, len, flags, NULL, NULL));

  luaL_checktype(L, 5, LUA_TFUNCTION);
  lua_settop(L, 5);
  int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  int err = uvws_send(client->ws, kind, data, len, flags, on_sent, (void *)(intptr_t)ref);
  if (err < 0) luaL_unref(L, LUA_REGISTRYINDEX, ref);
  return push_sent(L, client, err);
}

/* message_begin(self [, kind [, how]]) */
static int message_begin(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  int err = uvws_message_begin(client->ws, check_kind(L, 2), check_how(L, 3));
  return push_sent(L, client, err);
}

/* message_write(self, data) */
static int message_write(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  size_t len;
  const char *data = uvws__lua_check_string(L, 2, "data", &len);
  return push_sent(L, client, uvws_message_write(client->ws, data, len, NULL, NULL));
}

/* message_end(self) */
static int message_end(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  return push_sent(L, client, uvws_message_end(client->ws, NULL, NULL));
}

/* send_pointer and host_pointer for lua/uvws/quick.lua, which knows what comes first there. */
_Static_assert(offsetof(struct uvws__lua_client, ws) == 0, "lua/uvws/quick.lua");
_Static_assert(offsetof(struct uvws__lua_host, is_turning) == 0, "lua/uvws/quick.lua");

static void set_pointers(lua_State *L, struct uvws__lua_host *host) {
  int (*function)(uvws_t *, uvws_kind_t, const void *, size_t, unsigned, uvws_send_cb, void *) =
      uvws_send;
  void *pointer;
  memcpy(&pointer, &function, sizeof pointer);
  lua_pushlightuserdata(L, pointer);
  lua_setfield(L, -2, "send_pointer");
  lua_pushlightuserdata(L, host);
  lua_setfield(L, -2, "host_pointer");
}

void uvws__lua_send_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {{"send", client_send},
                                       {"message_begin", message_begin},
                                       {"message_write", message_write},
                                       {"message_end", message_end},
                                       {NULL, NULL}};
  uvws__lua_register(L, host, functions);
  set_pointers(L, host);
}
