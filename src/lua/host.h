/*
 * What the binding keeps once per Lua state: the loop, the context, and the references into Lua
 * that a delivery needs, so that nothing is looked up by name on the way.
 *
 * Callbacks run on the Lua thread that turns the loop (the one that called run, or the one that luv
 * gave to the pump), never on the coroutine that called connect: that one may be suspended or
 * collected by then, while the turning one is running for certain. In an ordinary script, in a luv
 * script and in Neovim it is the main thread.
 *
 * When a Lua state closes, finalizers run in any order. So the one of the host cuts every client
 * that is left, and the one of a client finds nothing to do afterwards; each client holds the
 * host's userdata, so the memory outlives both.
 */
#ifndef UVWS_LUA_HOST_H
#define UVWS_LUA_HOST_H

#include <stdbool.h>
#include <uv.h>

#include "lua/compat.h"
#include "uvws.h"

struct uvws__lua_client;
struct uvws__lua_event;
struct uvws__lua_trace_event;
struct uvws__lua_question;

enum { UVWS__LUA_KNOWN = 16 };

/* See trace.h. */
struct uvws__lua_trace {
  struct uvws__lua_trace_event *first, **end; /* kept for the next flush */
  struct uvws__lua_trace_event *rest;         /* of the flush under way */
  struct uvws__lua_trace_event *event;        /* what is being delivered */
  unsigned count;
  unsigned dropped;
  int function_ref; /* LUA_NOREF: nobody listens */
  int deliver_ref;
  bool has_handle; /* the handle below is initialised */
  uv_prepare_t prepare;
};

struct uvws__lua_host {
  bool is_turning;                  /* whether that is set; lua/uvws/quick.lua reads this */
  lua_State *turning;               /* the Lua thread that turns the loop, NULL between turns */
  uv_loop_t loop;                   /* its data is the host */
  uv_timer_t timer;                 /* of all that Lua code waits for; lua/uvws/timers.lua */
  uvws_context_t *context;          /* NULL once the Lua state closes */
  struct uvws__lua_client *clients; /* all that have a uvws_t, linked */
  /* Tables that are clients, and whose: what lua_topointer says of the table leads to its slot. */
  struct uvws__lua_known {
    const void *self;
    struct uvws__lua_client *client;
  } known[UVWS__LUA_KNOWN];
  const struct uvws__lua_event *event; /* what is being delivered, borrowed from the C stack */
  struct uvws__lua_question *question; /* the same of what is being asked; see ask.h */

  /* References into the registry. */
  int self_ref;        /* the host's userdata */
  int deliver_ref;     /* the C function that hands an event to Lua */
  int ask_ref;         /* the C function that asks a question */
  int traceback_ref;   /* the message handler of every protected call */
  int complete_ref;    /* the C function that tells how an operation went */
  int client_meta_ref; /* the metatable of client userdata */
  int timer_ref;       /* what the timer calls, or LUA_NOREF */
  int error_ref;       /* the user's error handler, or LUA_NOREF: standard error */
  int changed_ref;     /* what wakes a foreign loop, or LUA_NOREF: nobody has to know */
  int signal_ref;      /* what a signal calls, or LUA_NOREF */
  bool is_change_told;
  bool has_signals; /* the handles below are initialised */
  uv_signal_t interrupt;
  uv_signal_t terminate;
  uv_signal_t hangup;
  struct uvws__lua_trace trace;
};

/* A new host, its userdata anchored in the registry. Raises when there is no memory. */
struct uvws__lua_host *uvws__lua_host_new(lua_State *L);

/* Something was queued or started between two turns: a loop of somebody else's that pumps ours has
 * to hear of it, once until its next turn. */
void uvws__lua_host_changed(lua_State *L, struct uvws__lua_host *host);

/* Call the function under `arg_count` arguments in protected mode, without results. A failure goes
 * to the error handler with its traceback. */
void uvws__lua_host_call(lua_State *L, struct uvws__lua_host *host, int arg_count);

/* Hand the error on top to the user's handler; without one, or when it fails too, print it. */
void uvws__lua_host_report(lua_State *L, struct uvws__lua_host *host);

/* From now on this Lua thread turns the loop; NULL: nobody. */
void uvws__lua_host_set_turning(struct uvws__lua_host *host, lua_State *L);

/* Call the function behind `ref`, which is released: with `status`, or if that is an error with
 * nil, message, code. */
void uvws__lua_host_complete(struct uvws__lua_host *host, int ref, int status);

/* Put the functions of the loop and of errors into the table on top: run, stop, turn, timeout, fd,
 * is_alive, is_turning, on_change, on_timer, start_timer, stop_timer, clock, report,
 * set_error_handler, traceback. */
void uvws__lua_host_register(lua_State *L, struct uvws__lua_host *host);

/* The same for on_signal. */
void uvws__lua_signals_register(lua_State *L, struct uvws__lua_host *host);

/* Close its handles; they are gone behind the loop's next turn. */
void uvws__lua_signals_close(struct uvws__lua_host *host);

#endif
