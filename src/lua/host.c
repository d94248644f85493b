/* The loop of a Lua state, who turns it, and where errors in Lua code go. */
#include "lua/host.h"

#include <assert.h>
#include <stdio.h>

#include "lua/ask.h"
#include "lua/client.h"
#include "lua/events.h"
#include "lua/trace.h"

/* A message handler: the error as text, with a traceback. An error object that is no string and has
 * no __tostring is passed on as it is. */
static int add_traceback(lua_State *L) {
  const char *message = lua_tostring(L, 1);
  if (!message) {
    if (lua_isnoneornil(L, 1) || !luaL_callmeta(L, 1, "__tostring")) return 1;
    message = lua_tostring(L, -1);
    if (!message) return 1;
  }
  luaL_traceback(L, L, message, 1);
  return 1;
}

static void print_error(lua_State *L, int index) {
  const char *message = lua_tostring(L, index);
  fprintf(stderr, "uvws: %s\n", message ? message : "(error object is not a string)");
}

void uvws__lua_host_report(lua_State *L, struct uvws__lua_host *host) {
  int error = lua_gettop(L);
  if (host->error_ref == LUA_NOREF) {
    print_error(L, error);
  } else {
    lua_rawgeti(L, LUA_REGISTRYINDEX, host->error_ref);
    lua_pushvalue(L, error);
    if (lua_pcall(L, 1, 0, 0) != 0) {
      print_error(L, error);
      print_error(L, -1);
    }
  }
  lua_settop(L, error - 1);
}

void uvws__lua_host_call(lua_State *L, struct uvws__lua_host *host, int arg_count) {
  int function = lua_gettop(L) - arg_count;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->traceback_ref);
  lua_insert(L, function);
  if (lua_pcall(L, arg_count, 0, function) != 0) uvws__lua_host_report(L, host);
  lua_settop(L, function - 1);
}

void uvws__lua_host_changed(lua_State *L, struct uvws__lua_host *host) {
  if (host->changed_ref == LUA_NOREF || host->is_change_told || host->turning) return;
  host->is_change_told = true;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->changed_ref);
  uvws__lua_host_call(L, host, 0);
}

/* (ref, status): in protected mode, since making a string can raise for lack of memory. */
static int complete(lua_State *L) {
  int ref = (int)lua_tointeger(L, 1);
  int status = (int)lua_tointeger(L, 2);
  lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
  luaL_unref(L, LUA_REGISTRYINDEX, ref);
  if (status < 0) {
    lua_call(L, uvws__lua_push_failure(L, uvws_strerror(status), status), 0);
  } else {
    lua_pushinteger(L, status);
    lua_call(L, 1, 0);
  }
  return 0;
}

void uvws__lua_host_complete(struct uvws__lua_host *host, int ref, int status) {
  lua_State *L = host->turning;
  if (!L) return; /* the Lua state is closing */
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->complete_ref);
  lua_pushinteger(L, ref);
  lua_pushinteger(L, status);
  uvws__lua_host_call(L, host, 2);
}

static void on_timer(uv_timer_t *timer) {
  struct uvws__lua_host *host = timer->loop->data;
  lua_State *L = host->turning;
  if (!L || host->timer_ref == LUA_NOREF) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->timer_ref);
  uvws__lua_host_call(L, host, 0);
}

static struct uvws__lua_host *upvalue_host(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

void uvws__lua_host_set_turning(struct uvws__lua_host *host, lua_State *L) {
  host->turning = L;
  host->is_turning = L != NULL;
}

static void turn_loop(lua_State *L, struct uvws__lua_host *host, uv_run_mode mode) {
  uvws__lua_host_set_turning(host, L);
  host->is_change_told = false;
  uv_run(&host->loop, mode);
  uvws__lua_trace_flush(host);
  uvws__lua_host_set_turning(host, NULL);
}

/* run(): turn the loop until nothing is active. */
static int host_run(lua_State *L) {
  struct uvws__lua_host *host = upvalue_host(L);
  if (host->turning) return luaL_error(L, "run() was called from inside a callback");
  if (!host->context) return 0;
  turn_loop(L, host, UV_RUN_DEFAULT);
  return 0;
}

/* turn(): do what is due, without waiting. Inside a callback it does nothing: the turn under way
 * does it. */
static int host_turn(lua_State *L) {
  struct uvws__lua_host *host = upvalue_host(L);
  if (!host->turning && host->context) turn_loop(L, host, UV_RUN_NOWAIT);
  return 0;
}

/* stop(): let the run under way return. */
static int host_stop(lua_State *L) {
  struct uvws__lua_host *host = upvalue_host(L);
  if (host->turning) uv_stop(&host->loop);
  return 0;
}

/* timeout(): how many milliseconds the loop may wait for its descriptor, -1 for ever; nil when
 * nothing is active. */
static int host_timeout(lua_State *L) {
  struct uvws__lua_host *host = upvalue_host(L);
  if (!host->context || !uv_loop_alive(&host->loop)) return 0;
  uv_update_time(&host->loop);
  lua_pushinteger(L, uv_backend_timeout(&host->loop));
  return 1;
}

/* fd(): the descriptor that is readable when the loop has something to do. */
static int host_fd(lua_State *L) {
  lua_pushinteger(L, uv_backend_fd(&upvalue_host(L)->loop));
  return 1;
}

static int host_is_alive(lua_State *L) {
  struct uvws__lua_host *host = upvalue_host(L);
  lua_pushboolean(L, host->context && uv_loop_alive(&host->loop));
  return 1;
}

static int host_is_turning(lua_State *L) {
  lua_pushboolean(L, upvalue_host(L)->turning != NULL);
  return 1;
}

/* Store the function at index 1, or nothing for nil, in place of `*ref`; push what was there. */
static int swap_function(lua_State *L, int *ref) {
  int new_ref = LUA_NOREF;
  if (!lua_isnoneornil(L, 1)) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    new_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, *ref);
  luaL_unref(L, LUA_REGISTRYINDEX, *ref);
  *ref = new_ref;
  return 1;
}

/* on_change(fn): fn() is called once between two turns when the loop has something new to do. */
static int host_on_change(lua_State *L) {
  return swap_function(L, &upvalue_host(L)->changed_ref);
}

/* on_timer(fn): fn() is called when the timer fires. */
static int host_on_timer(lua_State *L) {
  return swap_function(L, &upvalue_host(L)->timer_ref);
}

#define MS_MAX 1e15 /* 30,000 years: infinity is no integer */

/* start_timer(ms): let the timer fire once, so many milliseconds from now. */
static int host_start_timer(lua_State *L) {
  struct uvws__lua_host *host = upvalue_host(L);
  lua_Number ms = luaL_checknumber(L, 1);
  if (!host->context) return luaL_error(L, "the Lua state is closing");
  uv_update_time(&host->loop);
  if (ms > MS_MAX) ms = MS_MAX;
  uv_timer_start(&host->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
  uvws__lua_host_changed(L, host);
  return 0;
}

static int host_stop_timer(lua_State *L) {
  struct uvws__lua_host *host = upvalue_host(L);
  if (host->context) uv_timer_stop(&host->timer);
  return 0;
}

/* clock(): milliseconds from some time in the past, with their fraction. */
static int host_clock(lua_State *L) {
  lua_pushnumber(L, (lua_Number)uv_hrtime() / 1e6);
  return 1;
}

/* set_error_handler(fn): fn(message) hears of errors in handlers; nil: standard error. Returns the
 * one before. */
static int host_set_error_handler(lua_State *L) {
  return swap_function(L, &upvalue_host(L)->error_ref);
}

/* report(message): hand an error to the error handler. */
static int host_report(lua_State *L) {
  lua_settop(L, 1);
  uvws__lua_host_report(L, upvalue_host(L));
  return 0;
}

/* The Lua state closes. Whatever is left is cut without a word to Lua, and the loop is turned until
 * its handles are closed: a look-up that is running in a thread has to end first. Inside a callback
 * the state is only closed by os.exit, on the way out of the process: the loop cannot be turned. */
static int host_gc(lua_State *L) {
  struct uvws__lua_host *host = lua_touserdata(L, 1);
  if (!host->context || host->turning) return 0;
  uvws__lua_trace_close(host);
  while (host->clients)
    uvws__lua_client_drop(host->clients);
  uvws_context_free(host->context);
  host->context = NULL;
  host->changed_ref = LUA_NOREF;
  uv_close((uv_handle_t *)&host->timer, NULL);
  uvws__lua_signals_close(host);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  int err = uv_loop_close(&host->loop);
  assert(err == 0); /* libuvws has closed every handle that it opened */
  (void)err;
  return 0;
}

static int push_function_ref(lua_State *L, lua_CFunction function, int host_index) {
  lua_pushvalue(L, host_index);
  lua_pushcclosure(L, function, 1);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

static int open_loop(struct uvws__lua_host *host) {
  int err = uv_loop_init(&host->loop);
  if (err != 0) return err;
  host->loop.data = host;
  uv_timer_init(&host->loop, &host->timer);
  err = uvws_context_new(&host->loop, NULL, &host->context);
  if (err == 0) return 0;
  uv_close((uv_handle_t *)&host->timer, NULL);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  uv_loop_close(&host->loop);
  return err;
}

struct uvws__lua_host *uvws__lua_host_new(lua_State *L) {
  struct uvws__lua_host *host = lua_newuserdata(L, sizeof *host);
  int index = lua_gettop(L);
  *host = (struct uvws__lua_host){.error_ref = LUA_NOREF,
                                  .changed_ref = LUA_NOREF,
                                  .timer_ref = LUA_NOREF,
                                  .signal_ref = LUA_NOREF,
                                  .trace = {.function_ref = LUA_NOREF}};

  /* All that can raise comes before the loop is opened, and host_gc, which closes it, is armed by
   * the context. */
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, host_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, index);
  host->traceback_ref = push_function_ref(L, add_traceback, index);
  host->deliver_ref = push_function_ref(L, uvws__lua_events_deliver, index);
  host->ask_ref = push_function_ref(L, uvws__lua_ask_deliver, index);
  host->trace.deliver_ref = push_function_ref(L, uvws__lua_trace_deliver, index);
  host->complete_ref = push_function_ref(L, complete, index);
  host->self_ref = luaL_ref(L, LUA_REGISTRYINDEX);

  int err = open_loop(host);
  if (err != 0) luaL_error(L, "no event loop: %s", uvws_strerror(err));
  return host;
}

void uvws__lua_register(lua_State *L, struct uvws__lua_host *host, const luaL_Reg *functions) {
  for (const luaL_Reg *f = functions; f->name; f++) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, host->self_ref);
    lua_pushcclosure(L, f->func, 1);
    lua_setfield(L, -2, f->name);
  }
}

void uvws__lua_host_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {{"run", host_run},
                                       {"stop", host_stop},
                                       {"turn", host_turn},
                                       {"timeout", host_timeout},
                                       {"fd", host_fd},
                                       {"is_alive", host_is_alive},
                                       {"is_turning", host_is_turning},
                                       {"on_change", host_on_change},
                                       {"on_timer", host_on_timer},
                                       {"start_timer", host_start_timer},
                                       {"stop_timer", host_stop_timer},
                                       {"clock", host_clock},
                                       {"report", host_report},
                                       {"set_error_handler", host_set_error_handler},
                                       {"traceback", add_traceback},
                                       {NULL, NULL}};
  uvws__lua_register(L, host, functions);
}
