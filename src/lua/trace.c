/* The queue of trace.h, bounded: what a burst has too much of is counted and told as a number. */
#include "lua/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/client.h"

#define MAX_COUNT 4096

struct uvws__lua_trace_event {
  struct uvws__lua_trace_event *next;
  struct uvws__lua_client *client;
  uvws_trace_event_t event; /* its text is the one below */
  uint64_t time_ns;
  char text[];
};

static const char *const level_names[] = {[UVWS_LOG_OFF] = "off",
                                          [UVWS_LOG_ERROR] = "error",
                                          [UVWS_LOG_WARN] = "warn",
                                          [UVWS_LOG_INFO] = "info",
                                          [UVWS_LOG_DEBUG] = "debug",
                                          [UVWS_LOG_FRAMES] = "frames",
                                          NULL};

static const char *const kind_names[] = {[UVWS_TRACE_TEXT] = "text",
                                         [UVWS_TRACE_HEAD_OUT] = "head_out",
                                         [UVWS_TRACE_HEAD_IN] = "head_in",
                                         [UVWS_TRACE_FRAME_OUT] = "frame_out",
                                         [UVWS_TRACE_FRAME_IN] = "frame_in"};

static void set_frame(lua_State *L, const uvws_trace_event_t *event) {
  uvws__lua_set_number(L, "opcode", event->opcode);
  uvws__lua_set_number(L, "rsv", event->rsv);
  uvws__lua_set_number(L, "payload_len", (double)event->payload_len);
  uvws__lua_set_boolean(L, "fin", event->fin);
}

/* A client that was closed meanwhile is not anchored any more, and perhaps collected. */
static void set_target(lua_State *L, const struct uvws__lua_client *client) {
  if (!client || client->anchor == LUA_NOREF) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, client->anchor);
  lua_rawgeti(L, -1, UVWS__LUA_SELF);
  lua_setfield(L, -3, "target");
  lua_pop(L, 1);
}

int uvws__lua_trace_deliver(lua_State *L) {
  const struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  const struct uvws__lua_trace_event *event = host->trace.event;
  uvws_trace_kind_t kind = event->event.kind;
  if (host->trace.function_ref == LUA_NOREF) return 0; /* turned off meanwhile */
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->trace.function_ref);
  lua_createtable(L, 0, 9);
  uvws__lua_set_string(L, "level", level_names[event->event.level]);
  uvws__lua_set_string(L, "kind", kind_names[kind]);
  uvws__lua_set_string(L, "text", event->text);
  lua_pushnumber(L, (double)event->time_ns / 1e6);
  lua_setfield(L, -2, "time_ms");
  if (kind == UVWS_TRACE_FRAME_OUT || kind == UVWS_TRACE_FRAME_IN) set_frame(L, &event->event);
  set_target(L, event->client);
  lua_call(L, 1, 0);
  return 0;
}

static void drop_list(struct uvws__lua_trace_event *event) {
  while (event) {
    struct uvws__lua_trace_event *next = event->next;
    free(event);
    event = next;
  }
}

static void start_queue(struct uvws__lua_trace *trace) {
  trace->first = NULL;
  trace->end = &trace->first;
  trace->count = 0;
}

static void keep(struct uvws__lua_host *host, struct uvws__lua_client *client,
                 const uvws_trace_event_t *event) {
  struct uvws__lua_trace *trace = &host->trace;
  size_t size = strlen(event->text) + 1;
  struct uvws__lua_trace_event *kept =
      trace->count < MAX_COUNT ? malloc(sizeof *kept + size) : NULL;
  if (!kept) {
    trace->dropped++;
    return;
  }
  kept->next = NULL;
  kept->client = client;
  kept->event = *event;
  kept->time_ns = uv_hrtime();
  memcpy(kept->text, event->text, size);
  *trace->end = kept;
  trace->end = &kept->next;
  trace->count++;
}

static void on_prepare(uv_prepare_t *handle) {
  uvws__lua_trace_flush(handle->data);
}

static void on_trace(uvws_t *ws, const uvws_trace_event_t *event, void *arg) {
  struct uvws__lua_host *host = arg;
  keep(host, uvws_user(ws), event);
  uv_prepare_start(&host->trace.prepare, on_prepare);
}

static void tell_dropped(struct uvws__lua_host *host) {
  char text[64];
  if (!host->trace.dropped) return;
  snprintf(text, sizeof text, "%u trace events were dropped", host->trace.dropped);
  host->trace.dropped = 0;
  keep(host, NULL, &(uvws_trace_event_t){.level = UVWS_LOG_ERROR, .text = text});
}

/* What the function itself causes waits for the next time, so that this comes to an end. */
void uvws__lua_trace_flush(struct uvws__lua_host *host) {
  struct uvws__lua_trace *trace = &host->trace;
  lua_State *L = host->turning;
  if (!trace->first || !L || trace->event) return;
  trace->rest = trace->first;
  start_queue(trace);
  tell_dropped(host);
  while ((trace->event = trace->rest)) {
    trace->rest = trace->event->next;
    lua_rawgeti(L, LUA_REGISTRYINDEX, trace->deliver_ref);
    uvws__lua_host_call(L, host, 0);
    free(trace->event);
  }
  if (!trace->first) uv_prepare_stop(&trace->prepare);
}

static void forget_in(struct uvws__lua_trace_event *event, const struct uvws__lua_client *client) {
  for (; event; event = event->next)
    if (event->client == client) event->client = NULL;
}

void uvws__lua_trace_forget(struct uvws__lua_host *host, const struct uvws__lua_client *client) {
  forget_in(host->trace.first, client);
  forget_in(host->trace.rest, client);
}

static void start_handle(struct uvws__lua_host *host) {
  if (host->trace.has_handle) return;
  uv_prepare_init(&host->loop, &host->trace.prepare);
  uv_unref((uv_handle_t *)&host->trace.prepare);
  host->trace.prepare.data = host;
  host->trace.has_handle = true;
  start_queue(&host->trace);
}

/* trace(level [, fn]): fn(event) for everything up to that level; "off": for nothing more. */
static int host_trace(lua_State *L) {
  struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  int level = luaL_checkoption(L, 1, NULL, level_names);
  if (level != UVWS_LOG_OFF) luaL_checktype(L, 2, LUA_TFUNCTION);
  if (!host->context) return luaL_error(L, "the Lua state is closing");
  int ref = LUA_NOREF;
  lua_settop(L, 2);
  if (level != UVWS_LOG_OFF) ref = luaL_ref(L, LUA_REGISTRYINDEX);
  luaL_unref(L, LUA_REGISTRYINDEX, host->trace.function_ref);
  host->trace.function_ref = ref;
  start_handle(host);
  uvws_context_trace(host->context, (uvws_log_level_t)level, on_trace, host);
  return 0;
}

void uvws__lua_trace_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {{"trace", host_trace}, {NULL, NULL}};
  uvws__lua_register(L, host, functions);
}

void uvws__lua_trace_close(struct uvws__lua_host *host) {
  struct uvws__lua_trace *trace = &host->trace;
  if (!trace->has_handle) return;
  uvws_context_trace(host->context, UVWS_LOG_OFF, NULL, NULL);
  drop_list(trace->first);
  start_queue(trace);
  uv_close((uv_handle_t *)&trace->prepare, NULL);
}
