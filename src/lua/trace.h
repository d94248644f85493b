/*
 * What the library traces, for a function in Lua. The library tells it in the middle of things,
 * where no Lua code may run. So each event is kept, and delivered from the loop before the next
 * callback of any client, or else before the loop waits: in order with the callbacks, where the
 * function may do anything.
 */
#ifndef UVWS_LUA_TRACE_H
#define UVWS_LUA_TRACE_H

#include "lua/host.h"

/* Deliver what is kept. */
void uvws__lua_trace_flush(struct uvws__lua_host *host);

/* The client goes: what is kept no longer names it. */
void uvws__lua_trace_forget(struct uvws__lua_host *host, const struct uvws__lua_client *client);

/* Hands host->trace.event to the function; upvalue 1 is the host. */
int uvws__lua_trace_deliver(lua_State *L);

/* Put trace into the table on top. */
void uvws__lua_trace_register(lua_State *L, struct uvws__lua_host *host);

/* Trace no more, drop what is kept and close the handle, if there is one. */
void uvws__lua_trace_close(struct uvws__lua_host *host);

#endif
