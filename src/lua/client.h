/*
 * A client in Lua: a table of the caller's with our userdata at [1], so that a Lua face can give it
 * methods and a program can keep fields of its own in it.
 *
 * The environment of the userdata is an array: the table, the userdata, the host, and the handlers.
 * While the connection is under way that array is anchored in the registry, which keeps all of them
 * alive; otherwise they hold each other in a ring that the collector can free.
 */
#ifndef UVWS_LUA_CLIENT_H
#define UVWS_LUA_CLIENT_H

#include "lua/host.h"

struct uvws__lua_client {
  uvws_t *ws; /* NULL once freed; lua/uvws/quick.lua reads it */
  struct uvws__lua_host *host;
  const void *magic; /* tells our userdata from others; see uvws__lua_check_client */
  const void *self;  /* the table, as lua_topointer tells it */
  struct uvws__lua_client *next, *prev;
  int anchor; /* of the array in the registry, from connect to on_close; else LUA_NOREF */
  bool wants_views;
};

enum uvws__lua_slot {
  UVWS__LUA_SELF = 1,
  UVWS__LUA_USERDATA,
  UVWS__LUA_HOST,
  UVWS__LUA_ON_OPEN,
  UVWS__LUA_ON_MESSAGE,
  UVWS__LUA_ON_ERROR,
  UVWS__LUA_ON_CLOSE,
  UVWS__LUA_ON_PING,
  UVWS__LUA_ON_PONG,
  UVWS__LUA_ON_DRAIN,
  UVWS__LUA_ON_CHUNK,
  UVWS__LUA_ON_VIEW,
  UVWS__LUA_ON_RETRY,
  UVWS__LUA_HANDLER_END = UVWS__LUA_ON_RETRY,
  UVWS__LUA_ON_VERIFY, /* from here on by options of connect; see ask.h */
  UVWS__LUA_SHOULD_RETRY,
  UVWS__LUA_BEFORE_ATTEMPT,
  UVWS__LUA_ON_KEY_PASSWORD,
  UVWS__LUA_ATTEMPT, /* what before_attempt answered, as long as it is borrowed */
  UVWS__LUA_SLOT_COUNT = UVWS__LUA_ATTEMPT
};

/* Put the functions that make and use clients into the table on top: bind, handle, want_chunks,
 * connect, close, ping, pause, resume. */
void uvws__lua_client_register(lua_State *L, struct uvws__lua_host *host);

/* The same for send, message_begin, message_write, message_end. */
void uvws__lua_send_register(lua_State *L, struct uvws__lua_host *host);

/* The same for state, buffered, protocol, header, stats, prometheus, tls_info, close_all. */
void uvws__lua_observe_register(lua_State *L, struct uvws__lua_host *host);

/* The client at index 1: the table with our userdata at [1], or the userdata. Raises for anything
 * else, and when the Lua state is closing. */
struct uvws__lua_client *uvws__lua_check_client(lua_State *L);

/* A table of what TLS agreed on. */
void uvws__lua_push_tls_info(lua_State *L, const uvws_tls_info_t *info);

/* Strict where luaL_checklstring is not: a number is no string. */
const char *uvws__lua_check_string(lua_State *L, int index, const char *name, size_t *out_len);

/* Put t[name] = value; the table is on top. A NULL is nil. */
void uvws__lua_set_string(lua_State *L, const char *name, const char *value);
void uvws__lua_set_number(lua_State *L, const char *name, double value); /* a whole one */
void uvws__lua_set_boolean(lua_State *L, const char *name, int value);

/* nil, message, code. */
int uvws__lua_push_failure(lua_State *L, const char *message, int err);

/* true, or the failure in the general words of its code. */
int uvws__lua_push_result(lua_State *L, const struct uvws__lua_client *client, int err);

/* Fill the table on top from the list, whose functions get the host as upvalue 1. */
void uvws__lua_register(lua_State *L, struct uvws__lua_host *host, const luaL_Reg *functions);

/* Cut the connection and free the uvws_t, silently; a second call does nothing. */
void uvws__lua_client_drop(struct uvws__lua_client *client);

#endif
