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
  unsigned part; /* of a chunk */
  const uvws_error_t *error;
  const uvws_close_info_t *close;
  const uvws_retry_t *retry;
};

/* Every callback but on_chunk delivers to Lua; the client is the user pointer. */
extern const uvws_callbacks_t uvws__lua_callbacks;

/* The fields of an answer, twice in one table: a list of {name, value} in order, as connect's
 * option takes it, and the first value of each by its lower-case name. */
void uvws__lua_push_headers(lua_State *L, const uvws_error_t *error);

/* Have on_chunk deliver too, in place of on_message; or no longer. */
void uvws__lua_want_chunks(uvws_t *ws, bool wanted);

/* Hands host->event to its client's handler; upvalue 1 is the host. It runs in protected mode,
 * since making a string can raise for lack of memory. */
int uvws__lua_events_deliver(lua_State *L);

#endif
