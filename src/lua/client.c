/*
 * Clients in Lua: making, connecting, sending, closing, collecting. Each function takes a client as
 * the table with our userdata at [1] or as the userdata itself. A wrong argument raises and names
 * the argument; what fails at run time returns nil, a message and a code.
 */
#include "lua/client.h"

#include <math.h>
#include <string.h>

#include "lua/ask.h"
#include "lua/events.h"
#include "lua/options.h"
#include "lua/trace.h"

/* Its address is the magic: no userdata of somebody else's begins with it. The size is compared
 * first, so that nothing is read beyond a small one. */
static const char magic;

static struct uvws__lua_client *to_client(lua_State *L, int index) {
  struct uvws__lua_client *client = lua_touserdata(L, index);
  bool is_ours =
      client && lua_objlen(L, index) == sizeof *client && client->magic == (const void *)&magic;
  return is_ours ? client : NULL;
}

/* The long way: [1] of the table, or the userdata itself. */
static struct uvws__lua_client *look_up(lua_State *L) {
  if (lua_type(L, 1) != LUA_TTABLE) return to_client(L, 1);
  lua_rawgeti(L, 1, 1);
  struct uvws__lua_client *client = to_client(L, -1);
  lua_pop(L, 1);
  return client;
}

/* A slot is a few instructions where each call of Lua's costs dozens. A table that is known lives
 * as long as its client, which refers to it, so that the address is nobody else's; forget_client
 * ends that. */
struct uvws__lua_client *uvws__lua_check_client(lua_State *L) {
  struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  const void *self = lua_topointer(L, 1);
  struct uvws__lua_known *known = &host->known[((uintptr_t)self >> 5) % UVWS__LUA_KNOWN];
  if (self && known->self == self) return known->client;

  struct uvws__lua_client *client = look_up(L);
  if (!client) luaL_typerror(L, 1, "WebSocket client");
  if (!client->ws) luaL_error(L, "the Lua state is closing");
  if (self == client->self) *known = (struct uvws__lua_known){self, client};
  return client;
}

static void forget_client(struct uvws__lua_client *client) {
  for (size_t i = 0; i < UVWS__LUA_KNOWN; i++)
    if (client->host->known[i].client == client)
      client->host->known[i] = (struct uvws__lua_known){0};
}

const char *uvws__lua_check_string(lua_State *L, int index, const char *name, size_t *out_len) {
  if (lua_type(L, index) != LUA_TSTRING) {
    lua_pushfstring(L, "%s must be a string, got %s", name, luaL_typename(L, index));
    luaL_argerror(L, index, lua_tostring(L, -1));
  }
  return lua_tolstring(L, index, out_len);
}

void uvws__lua_set_string(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

void uvws__lua_set_number(lua_State *L, const char *name, double value) {
  uvws__lua_push_whole(L, value);
  lua_setfield(L, -2, name);
}

void uvws__lua_set_boolean(lua_State *L, const char *name, int value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

int uvws__lua_push_failure(lua_State *L, const char *message, int err) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushinteger(L, err);
  return 3;
}

int uvws__lua_push_result(lua_State *L, const struct uvws__lua_client *client, int err) {
  if (err < 0) return uvws__lua_push_failure(L, uvws_strerror(err), err);
  uvws__lua_host_changed(L, client->host);
  lua_pushboolean(L, 1);
  return 1;
}

/* The same, with the particulars that a call about arguments leaves behind. */
static int push_result_with_particulars(lua_State *L, const struct uvws__lua_client *client,
                                        int err) {
  const char *particulars = err < 0 ? uvws_last_error(client->ws) : "";
  if (particulars[0] && err != UV_ENOMEM) return uvws__lua_push_failure(L, particulars, err);
  return uvws__lua_push_result(L, client, err);
}

void uvws__lua_client_drop(struct uvws__lua_client *client) {
  if (!client->ws) return;
  forget_client(client);
  uvws_set_callbacks(client->ws, NULL);
  uvws_free(client->ws);
  uvws__lua_trace_forget(client->host, client);
  client->ws = NULL;
  if (client->prev) client->prev->next = client->next;
  if (client->next) client->next->prev = client->prev;
  if (client->host->clients == client) client->host->clients = client->next;
}

static int client_gc(lua_State *L) {
  uvws__lua_client_drop(lua_touserdata(L, 1));
  return 0;
}

/* Put the handlers of the table at 2 into the array on top. */
static void set_handlers(lua_State *L, struct uvws__lua_client *client) {
  static const char *const names[] = {
      [UVWS__LUA_ON_OPEN] = "open",   [UVWS__LUA_ON_MESSAGE] = "message",
      [UVWS__LUA_ON_ERROR] = "error", [UVWS__LUA_ON_CLOSE] = "close",
      [UVWS__LUA_ON_PING] = "ping",   [UVWS__LUA_ON_PONG] = "pong",
      [UVWS__LUA_ON_DRAIN] = "drain", [UVWS__LUA_ON_CHUNK] = "chunk",
      [UVWS__LUA_ON_VIEW] = "view",   [UVWS__LUA_ON_RETRY] = "retry",
  };
  for (int slot = UVWS__LUA_ON_OPEN; slot <= UVWS__LUA_HANDLER_END; slot++) {
    lua_getfield(L, 2, names[slot]);
    if (slot == UVWS__LUA_ON_VIEW) client->wants_views = !lua_isnil(L, -1);
    lua_rawseti(L, -2, slot);
  }
}

/* Fill the array of the client from self at 1, handlers at 2, the userdata at 3, and make it the
 * userdata's environment. */
static void set_environment(lua_State *L, struct uvws__lua_client *client) {
  lua_createtable(L, UVWS__LUA_SLOT_COUNT, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, UVWS__LUA_SELF);
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, UVWS__LUA_USERDATA);
  lua_rawgeti(L, LUA_REGISTRYINDEX, client->host->self_ref);
  lua_rawseti(L, -2, UVWS__LUA_HOST);
  set_handlers(L, client);
  lua_setfenv(L, 3);
}

/* bind(self, handlers): make the table self a client: puts the userdata at self[1], returns self.
 * The handlers are called with self as their first argument; see events.c. */
static int client_bind(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  if (!host->context) return luaL_error(L, "the Lua state is closing");

  struct uvws__lua_client *client = lua_newuserdata(L, sizeof *client);
  *client = (struct uvws__lua_client){
      .magic = &magic, .host = host, .self = lua_topointer(L, 1), .anchor = LUA_NOREF};
  /* It may have been another client's. */
  memset(host->known, 0, sizeof host->known);
  set_environment(L, client);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->client_meta_ref);
  lua_setmetatable(L, 3);
  lua_rawseti(L, 1, 1);

  int err = uvws_new(host->context, &uvws__lua_callbacks, client, &client->ws);
  if (err != 0) return luaL_error(L, "no client: %s", uvws_strerror(err));
  client->next = host->clients;
  if (client->next) client->next->prev = client;
  host->clients = client;
  lua_settop(L, 1);
  return 1;
}

/* Push the client's array. */
static void push_environment(lua_State *L) {
  if (lua_istable(L, 1)) {
    lua_rawgeti(L, 1, 1);
  } else {
    lua_pushvalue(L, 1);
  }
  lua_getfenv(L, -1);
  lua_remove(L, -2);
}

/* handle(self, handlers): replace all handlers. */
static int client_handle(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  push_environment(L);
  set_handlers(L, client);
  return 0;
}

/* want_chunks(self, wanted): from the next message on, pieces for the handler chunk in place of
 * whole messages, or whole ones again. Taken back inside a message, the rest of it is not heard. */
static int client_want_chunks(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  uvws__lua_want_chunks(client->ws, lua_toboolean(L, 2));
  return 0;
}

/* Anchor the client's array, with what the options at 3 add to it; raises when there is no memory.
 */
static int anchor(lua_State *L) {
  push_environment(L);
  uvws__lua_ask_take(L);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* on_key_password is asked inside of uvws_connect: on this Lua thread, with the loop as good as
 * turning. */
static int connect_on(lua_State *L, struct uvws__lua_client *client,
                      const uvws_options_t *options) {
  lua_State *turning = client->host->turning;
  uvws__lua_host_set_turning(client->host, L);
  int err = uvws_connect(client->ws, options);
  uvws__lua_host_set_turning(client->host, turning);
  return err;
}

/* connect(self, uri [, options]): true, or nil, message, code. */
static int client_connect(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  uvws_options_t options = {.size = sizeof options};
  size_t uri_len;
  options.uri = uvws__lua_check_string(L, 2, "uri", &uri_len);
  if (!lua_isnoneornil(L, 3) && !lua_istable(L, 3)) {
    lua_pushfstring(L, "options must be a table, got %s", luaL_typename(L, 3));
    return luaL_argerror(L, 3, lua_tostring(L, -1));
  }
  lua_settop(L, UVWS__LUA_OPTIONS_END);
  if (strlen(options.uri) != uri_len) {
    return uvws__lua_push_failure(L, "bad WebSocket URI: it has a NUL in it", UVWS_EURI);
  }
  if (lua_istable(L, 3) && uvws__lua_options_read(L, 3, &options) != 0) {
    return uvws__lua_push_failure(L, lua_tostring(L, -1), UVWS_EOPTION);
  }
  if (client->anchor != LUA_NOREF)
    return uvws__lua_push_failure(L, uvws_strerror(UVWS_EBUSY), UVWS_EBUSY);

  client->anchor = anchor(L);
  int err = connect_on(L, client, &options);
  if (err != 0) {
    luaL_unref(L, LUA_REGISTRYINDEX, client->anchor);
    client->anchor = LUA_NOREF;
  }
  /* A foreign loop's handles may have been closed behind our back: a new connection tells again. */
  client->host->is_change_told = false;
  uvws__lua_host_changed(L, client->host);
  return push_result_with_particulars(L, client, err);
}

/* close(self [, code [, reason]]): true, or nil, message, code. */
static int client_close(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  int code = 1000;
  const char *reason = NULL;
  size_t reason_len = 0;
  if (!lua_isnoneornil(L, 2)) {
    if (lua_type(L, 2) != LUA_TNUMBER) {
      lua_pushfstring(L, "code must be a number, got %s", luaL_typename(L, 2));
      return luaL_argerror(L, 2, lua_tostring(L, -1));
    }
    double number = lua_tonumber(L, 2);
    code = number >= 0 && number <= 65535 && number == floor(number) ? (int)number : -1;
  }
  if (!lua_isnoneornil(L, 3)) reason = uvws__lua_check_string(L, 3, "reason", &reason_len);
  if (code < 0) return uvws__lua_push_failure(L, uvws_strerror(UVWS_ECLOSECODE), UVWS_ECLOSECODE);
  return push_result_with_particulars(L, client, uvws_close(client->ws, code, reason, reason_len));
}

/* ping(self [, data]): true, or nil, message, code. */
static int client_ping(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  size_t len = 0;
  const char *data = lua_isnoneornil(L, 2) ? NULL : uvws__lua_check_string(L, 2, "data", &len);
  return uvws__lua_push_result(L, client, uvws_ping(client->ws, data, len));
}

/* pause(self): stop reading. */
static int client_pause(lua_State *L) {
  uvws_pause(uvws__lua_check_client(L)->ws);
  return 0;
}

/* resume(self): read again. */
static int client_resume(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  uvws_resume(client->ws);
  uvws__lua_host_changed(L, client->host);
  return 0;
}

void uvws__lua_client_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {
      {"bind", client_bind},       {"handle", client_handle}, {"want_chunks", client_want_chunks},
      {"connect", client_connect}, {"close", client_close},   {"ping", client_ping},
      {"pause", client_pause},     {"resume", client_resume}, {NULL, NULL}};
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, client_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "WebSocket client");
  lua_setfield(L, -2, "__metatable"); /* so that no script can call __gc */
  host->client_meta_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  uvws__lua_register(L, host, functions);
}
