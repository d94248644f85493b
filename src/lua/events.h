/* From the library's callbacks to the handlers of a client in Lua. */
#ifndef UVWS_LUA_EVENTS_H
#define UVWS_LUA_EVENTS_H

#include "lua/client.h"

/* One callback of the library with its arguments, on the C stack while it is delivered. */
struct uvws__lua_event {
  struct uvws__lua_client *client;
  enum uvws__lua_slot handler;
  const uint8_t *data; /* message, ping, pong */
  size_t len;
  uvws_kind_t kind;
  const uvws_error_t *error;
  const uvws_close_info_t *close;
};

/* Every callback delivers to Lua; the client is the user pointer. */
extern const uvws_callbacks_t uvws__lua_callbacks;

/* Hands host->event to its client's handler; upvalue 1 is the host. It runs in protected mode,
 * since making a string can raise for lack of memory. */
int uvws__lua_events_deliver(lua_State *L);

#endif
