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
  struct uvws__lua_host *host;
  uvws_t *ws; /* NULL once freed */
  struct uvws__lua_client *next, *prev;
  int anchor; /* of the array in the registry, from connect to on_close; else LUA_NOREF */
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
  UVWS__LUA_SLOT_COUNT = UVWS__LUA_ON_PONG
};

/* Put the functions that make and use clients into the table on top: bind, connect, send, close,
 * ping, state, buffered, protocol, header. */
void uvws__lua_client_register(lua_State *L, struct uvws__lua_host *host);

/* Cut the connection and free the uvws_t, silently; a second call does nothing. */
void uvws__lua_client_drop(struct uvws__lua_client *client);

#endif
