/* The options table of connect, turned into uvws_options_t. */
#ifndef UVWS_LUA_OPTIONS_H
#define UVWS_LUA_OPTIONS_H

#include "lua/compat.h"
#include "uvws.h"

/* Stack indexes that the reader may replace: arrays live there until uvws_connect has copied them.
 */
enum {
  UVWS__LUA_OPTIONS_HEADERS = 4,
  UVWS__LUA_OPTIONS_PROTOCOLS = 5,
  UVWS__LUA_OPTIONS_PROXY_HEADERS = 6,
  UVWS__LUA_OPTIONS_RECONNECT = 7,
  UVWS__LUA_OPTIONS_END = UVWS__LUA_OPTIONS_RECONNECT,
};

/* Read the table at `index` into `options`, which borrows from the table and the stack. Returns 0,
 * or UVWS_EOPTION with a message, which names the option, pushed. The table is not changed. */
int uvws__lua_options_read(lua_State *L, int index, uvws_options_t *options);

/* The same for a table that changes some of the options of a connect before, `uri` among them. */
int uvws__lua_options_change(lua_State *L, int index, uvws_options_t *options);

#endif
