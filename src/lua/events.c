/*
 * The library's callbacks, handed to Lua. Each one puts its arguments into an event on the C stack
 * and calls deliver in protected mode; deliver turns them into Lua values and calls the handler of
 * the client: open(self), message(self, data, is_binary), error(self, code, message, name, status,
 * headers, body), close(self, code, reason, was_clean), ping(self, data), pong(self, data),
 * drain(self), chunk(self, data, is_binary, is_first, is_last), and in place of message, where
 * there is one, view(self, pointer, len, is_binary), whose light userdata is valid until it
 * returns.
 */
#include "lua/events.h"

#include <ctype.h>

#include "lua/trace.h"

/* Put t[lower-case name] = value unless an earlier field of that name is there; t is on top. */
static void set_by_name(lua_State *L, const uvws_header_t *header) {
  luaL_Buffer name;
  luaL_buffinit(L, &name);
  for (const char *c = header->name; *c; c++)
    luaL_addchar(&name, (char)tolower((unsigned char)*c));
  luaL_pushresult(&name);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  bool is_new = lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_new) {
    lua_pushstring(L, header->value);
    lua_rawset(L, -3);
  } else {
    lua_pop(L, 1);
  }
}

void uvws__lua_push_headers(lua_State *L, const uvws_error_t *error) {
  lua_createtable(L, (int)error->header_count, (int)error->header_count);
  for (size_t i = 0; i < error->header_count; i++) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, error->headers[i].name);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, error->headers[i].value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (int)i + 1);
    set_by_name(L, &error->headers[i]);
  }
}

static int push_error(lua_State *L, const uvws_error_t *error) {
  lua_pushinteger(L, error->code);
  lua_pushstring(L, error->message);
  lua_pushstring(L, uvws_err_name(error->code));
  if (error->status == 0) return 3;
  lua_pushinteger(L, error->status);
  uvws__lua_push_headers(L, error);
  lua_pushlstring(L, error->body_len ? (const char *)error->body : "", error->body_len);
  return 6;
}

static int push_retry(lua_State *L, const uvws_retry_t *retry) {
  uvws__lua_push_whole(L, (double)retry->attempt);
  uvws__lua_push_whole(L, (double)retry->delay_ms);
  lua_pushinteger(L, retry->error ? retry->error->code : retry->close ? retry->close->code : 0);
  lua_pushstring(L, retry->error   ? retry->error->message
                    : retry->close ? retry->close->reason
                                   : "");
  return 4;
}

static int push_arguments(lua_State *L, const struct uvws__lua_event *event) {
  switch (event->handler) {
  case UVWS__LUA_ON_MESSAGE:
    lua_pushlstring(L, event->len ? (const char *)event->data : "", event->len);
    lua_pushboolean(L, event->kind == UVWS_BINARY);
    return 2;
  case UVWS__LUA_ON_VIEW:
    lua_pushlightuserdata(L, (void *)event->data);
    uvws__lua_push_whole(L, (double)event->len);
    lua_pushboolean(L, event->kind == UVWS_BINARY);
    return 3;
  case UVWS__LUA_ON_CHUNK:
    lua_pushlstring(L, event->len ? (const char *)event->data : "", event->len);
    lua_pushboolean(L, event->kind == UVWS_BINARY);
    lua_pushboolean(L, (event->part & UVWS_FIRST) != 0);
    lua_pushboolean(L, (event->part & UVWS_LAST) != 0);
    return 4;
  case UVWS__LUA_ON_RETRY:
    return push_retry(L, event->retry);
  case UVWS__LUA_ON_ERROR:
    return push_error(L, event->error);
  case UVWS__LUA_ON_CLOSE:
    lua_pushinteger(L, event->close->code);
    lua_pushlstring(L, event->close->reason, event->close->reason_len);
    lua_pushboolean(L, event->close->was_clean);
    return 3;
  case UVWS__LUA_ON_PING:
  case UVWS__LUA_ON_PONG:
    lua_pushlstring(L, event->len ? (const char *)event->data : "", event->len);
    return 1;
  default:
    return 0;
  }
}

int uvws__lua_events_deliver(lua_State *L) {
  const struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  const struct uvws__lua_event *event = host->event;
  struct uvws__lua_client *client = event->client;

  /* From here on this stack keeps the client alive, so that the anchor can go before the handler
   * of the close, which may connect again, runs. */
  lua_rawgeti(L, LUA_REGISTRYINDEX, client->anchor);
  if (event->handler == UVWS__LUA_ON_CLOSE) {
    luaL_unref(L, LUA_REGISTRYINDEX, client->anchor);
    client->anchor = LUA_NOREF;
  }
  lua_rawgeti(L, 1, event->handler);
  if (lua_isnil(L, 2)) return 0;
  lua_rawgeti(L, 1, UVWS__LUA_SELF);
  lua_call(L, 1 + push_arguments(L, event), 0);
  return 0;
}

static void deliver(const struct uvws__lua_event *event) {
  struct uvws__lua_host *host = event->client->host;
  lua_State *L = host->turning;
  if (host->trace.first) uvws__lua_trace_flush(host);
  host->event = event;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->deliver_ref);
  uvws__lua_host_call(L, host, 0);
}

static void on_open(uvws_t *ws, void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){.client = user, .handler = UVWS__LUA_ON_OPEN});
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  struct uvws__lua_client *client = user;
  enum uvws__lua_slot handler = client->wants_views ? UVWS__LUA_ON_VIEW : UVWS__LUA_ON_MESSAGE;
  deliver(&(struct uvws__lua_event){
      .client = client, .handler = handler, .kind = kind, .data = data, .len = len});
}

static void on_chunk(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, unsigned part,
                     void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){.client = user,
                                    .handler = UVWS__LUA_ON_CHUNK,
                                    .kind = kind,
                                    .data = data,
                                    .len = len,
                                    .part = part});
}

static void on_drain(uvws_t *ws, void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){.client = user, .handler = UVWS__LUA_ON_DRAIN});
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){.client = user, .handler = UVWS__LUA_ON_ERROR, .error = error});
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){.client = user, .handler = UVWS__LUA_ON_CLOSE, .close = info});
}

static void on_ping(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){
      .client = user, .handler = UVWS__LUA_ON_PING, .data = data, .len = len});
}

static void on_pong(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){
      .client = user, .handler = UVWS__LUA_ON_PONG, .data = data, .len = len});
}

static void on_retry(uvws_t *ws, const uvws_retry_t *retry, void *user) {
  (void)ws;
  deliver(&(struct uvws__lua_event){.client = user, .handler = UVWS__LUA_ON_RETRY, .retry = retry});
}

const uvws_callbacks_t uvws__lua_callbacks = {.size = sizeof(uvws_callbacks_t),
                                              .on_open = on_open,
                                              .on_message = on_message,
                                              .on_error = on_error,
                                              .on_close = on_close,
                                              .on_ping = on_ping,
                                              .on_pong = on_pong,
                                              .on_drain = on_drain,
                                              .on_retry = on_retry};

void uvws__lua_want_chunks(uvws_t *ws, bool wanted) {
  uvws_callbacks_t callbacks = uvws__lua_callbacks;
  if (wanted) callbacks.on_chunk = on_chunk;
  uvws_set_callbacks(ws, &callbacks);
}
