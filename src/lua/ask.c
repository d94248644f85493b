/*
 * The questions of ask.h. Each is a struct on the C stack with the safe answer in it; deliver, in
 * protected mode, makes the table that the function gets, calls it, and has its answer taken. Only
 * what was understood replaces the safe answer.
 */
#include "lua/ask.h"

#include <string.h>

#include "lua/events.h"
#include "lua/options.h"

struct uvws__lua_question {
  struct uvws__lua_client *client;
  enum uvws__lua_slot function;
  const char *name;                                             /* of the option, for errors */
  void (*fill)(lua_State *, const struct uvws__lua_question *); /* the table on top */
  void (*take)(lua_State *, struct uvws__lua_question *);       /* the answer at ANSWER */
  const uvws_retry_t *retry;
  uint32_t attempt;
  uvws_options_t *options;
  int err; /* the verdict of the library */
  const char *message;
  const uvws_tls_info_t *info;
  char *password;
  size_t cap;
  int answer;
};

/* Stack indexes of deliver. The answer stands where the options' reader looks for its table. */
enum { ENVIRONMENT = 1, HANDLER = 2, ANSWER = 3 };

static _Noreturn void raise_bad_answer(lua_State *L, const struct uvws__lua_question *question,
                                       const char *expected) {
  luaL_error(L, "%s must return %s, got %s", question->name, expected, luaL_typename(L, ANSWER));
  for (;;) /* luaL_error does not return, but is not declared so */
    ;
}

/* The function cannot wait: between it and the coroutine that it may run in are our C frames. */
static void report_failure(lua_State *L, const struct uvws__lua_question *question) {
  const char *message = lua_tostring(L, -1);
  if (message && strstr(message, "attempt to yield")) {
    lua_pushfstring(L, "%s must answer at once and cannot wait: %s", question->name, message);
    lua_remove(L, -2);
  }
  uvws__lua_host_report(L, question->client->host);
}

int uvws__lua_ask_deliver(lua_State *L) {
  struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  struct uvws__lua_question *question = host->question;
  lua_rawgeti(L, LUA_REGISTRYINDEX, question->client->anchor);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->traceback_ref);
  lua_rawgeti(L, ENVIRONMENT, question->function);
  lua_createtable(L, 0, 8);
  lua_rawgeti(L, ENVIRONMENT, UVWS__LUA_SELF);
  lua_setfield(L, -2, "target");
  question->fill(L, question);
  if (lua_pcall(L, 1, 1, HANDLER) == 0)
    question->take(L, question);
  else
    report_failure(L, question);
  return 0;
}

static int ask(struct uvws__lua_question *question) {
  struct uvws__lua_host *host = question->client->host;
  lua_State *L = host->turning;
  if (!L) return question->answer; /* the Lua state is closing */
  host->question = question;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->ask_ref);
  uvws__lua_host_call(L, host, 0);
  return question->answer;
}

/*
 * reconnect.should_retry
 */

static void push_failure(lua_State *L, const uvws_error_t *error) {
  lua_createtable(L, 0, 6);
  uvws__lua_set_number(L, "code", error->code);
  uvws__lua_set_string(L, "message", error->message);
  uvws__lua_set_string(L, "name", uvws_err_name(error->code));
  if (error->status == 0) return;
  uvws__lua_set_number(L, "status", error->status);
  uvws__lua_push_headers(L, error);
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, error->body_len ? (const char *)error->body : "", error->body_len);
  lua_setfield(L, -2, "body");
}

static void push_close(lua_State *L, const uvws_close_info_t *info) {
  lua_createtable(L, 0, 3);
  uvws__lua_set_number(L, "code", info->code);
  lua_pushlstring(L, info->reason, info->reason_len);
  lua_setfield(L, -2, "reason");
  uvws__lua_set_boolean(L, "was_clean", info->was_clean);
}

static void fill_retry(lua_State *L, const struct uvws__lua_question *question) {
  const uvws_retry_t *retry = question->retry;
  uvws__lua_set_number(L, "attempt", retry->attempt);
  uvws__lua_set_boolean(L, "was_open", retry->was_open);
  if (retry->retry_after_ms)
    uvws__lua_set_number(L, "retry_after_ms", (double)retry->retry_after_ms);
  push_close(L, retry->close);
  lua_setfield(L, -2, "close");
  if (!retry->error) return;
  push_failure(L, retry->error);
  lua_setfield(L, -2, "error");
}

static void take_retry(lua_State *L, struct uvws__lua_question *question) {
  if (lua_isnil(L, ANSWER))
    question->answer = uvws_should_retry(question->retry);
  else if (lua_isboolean(L, ANSWER))
    question->answer = lua_toboolean(L, ANSWER);
  else
    raise_bad_answer(L, question, "true, false or nil");
}

int uvws__lua_should_retry(uvws_t *ws, const uvws_retry_t *retry, void *user) {
  (void)ws;
  return ask(&(struct uvws__lua_question){.client = user,
                                          .function = UVWS__LUA_SHOULD_RETRY,
                                          .name = "reconnect.should_retry",
                                          .fill = fill_retry,
                                          .take = take_retry,
                                          .retry = retry,
                                          .answer = 0});
}

static int number_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  int number = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return number;
}

/* should_retry(event): the library's own judgement of what fill_retry made. */
static int should_retry(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "error");
  lua_getfield(L, 1, "close");
  bool has_error = lua_istable(L, 2);
  if (!has_error && !lua_istable(L, 3)) luaL_argerror(L, 1, "error or close expected in it");
  uvws_error_t error = {.message = ""};
  uvws_close_info_t info = {.reason = ""};
  uvws_retry_t retry = {.size = sizeof retry, .close = &info};
  if (has_error) {
    error.code = number_field(L, 2, "code");
    error.status = number_field(L, 2, "status");
    retry.error = &error;
  } else {
    info.code = number_field(L, 3, "code");
  }
  lua_pushboolean(L, uvws_should_retry(&retry));
  return 1;
}

/*
 * reconnect.before_attempt
 */

static void fill_attempt(lua_State *L, const struct uvws__lua_question *question) {
  uvws__lua_set_number(L, "attempt", question->attempt);
  uvws__lua_set_string(L, "uri", question->options->uri);
}

/* Strings and arrays that the options borrow now are kept until the next attempt: the library
 * copies them behind this frame. */
static void keep_stack(lua_State *L) {
  int top = lua_gettop(L);
  lua_createtable(L, top, 0);
  for (int i = ANSWER; i <= top; i++) {
    lua_pushvalue(L, i);
    lua_rawseti(L, -2, i);
  }
  lua_rawseti(L, ENVIRONMENT, UVWS__LUA_ATTEMPT);
}

static void take_attempt(lua_State *L, struct uvws__lua_question *question) {
  bool is_plain = lua_isnil(L, ANSWER) || lua_isboolean(L, ANSWER);
  if (!is_plain && !lua_istable(L, ANSWER))
    raise_bad_answer(L, question, "a table of options, false or nil");
  lua_settop(L, UVWS__LUA_OPTIONS_END);
  uvws_options_t changed = *question->options;
  if (!is_plain && uvws__lua_options_change(L, ANSWER, &changed) != 0)
    luaL_error(L, "%s: %s", question->name, lua_tostring(L, -1));
  keep_stack(L);
  *question->options = changed;
  question->answer = lua_isboolean(L, ANSWER) && !lua_toboolean(L, ANSWER);
}

int uvws__lua_before_attempt(uvws_t *ws, uvws_options_t *options, uint32_t attempt, void *user) {
  (void)ws;
  return ask(&(struct uvws__lua_question){.client = user,
                                          .function = UVWS__LUA_BEFORE_ATTEMPT,
                                          .name = "reconnect.before_attempt",
                                          .fill = fill_attempt,
                                          .take = take_attempt,
                                          .options = options,
                                          .attempt = attempt,
                                          .answer = 1});
}

/*
 * on_verify
 */

static void fill_verdict(lua_State *L, const struct uvws__lua_question *question) {
  uvws__lua_set_boolean(L, "is_good", question->err == 0);
  if (question->err) {
    uvws__lua_set_number(L, "code", question->err);
    uvws__lua_set_string(L, "message", question->message);
    uvws__lua_set_string(L, "name", uvws_err_name(question->err));
  }
  uvws__lua_push_tls_info(L, question->info);
  lua_setfield(L, -2, "tls");
}

static void take_verdict(lua_State *L, struct uvws__lua_question *question) {
  if (lua_isnil(L, ANSWER))
    question->answer = question->err;
  else if (!lua_isboolean(L, ANSWER))
    raise_bad_answer(L, question, "true, false or nil");
  else if (lua_toboolean(L, ANSWER))
    question->answer = 0;
}

int uvws__lua_verify(uvws_t *ws, int err, const char *message, const uvws_tls_info_t *info,
                     void *user) {
  (void)ws;
  return ask(&(struct uvws__lua_question){.client = user,
                                          .function = UVWS__LUA_ON_VERIFY,
                                          .name = "on_verify",
                                          .fill = fill_verdict,
                                          .take = take_verdict,
                                          .err = err,
                                          .message = message,
                                          .info = info,
                                          .answer = err ? err : UVWS_ECERT});
}

/*
 * on_key_password
 */

static void fill_nothing(lua_State *L, const struct uvws__lua_question *question) {
  (void)L;
  (void)question;
}

static void take_password(lua_State *L, struct uvws__lua_question *question) {
  size_t len;
  if (lua_isnil(L, ANSWER)) return;
  if (lua_type(L, ANSWER) != LUA_TSTRING) raise_bad_answer(L, question, "a string or nil");
  const char *password = lua_tolstring(L, ANSWER, &len);
  if (len > question->cap || strlen(password) != len)
    luaL_error(L, "%s must return a string of at most %d bytes without NUL", question->name,
               (int)question->cap);
  memcpy(question->password, password, len);
  question->answer = (int)len;
}

int uvws__lua_key_password(uvws_t *ws, char *out, size_t cap, void *user) {
  (void)ws;
  return ask(&(struct uvws__lua_question){.client = user,
                                          .function = UVWS__LUA_ON_KEY_PASSWORD,
                                          .name = "on_key_password",
                                          .fill = fill_nothing,
                                          .take = take_password,
                                          .password = out,
                                          .cap = cap,
                                          .answer = 0});
}

/* Put t[name], of the table at `table`, into the array on top. */
static void take_function(lua_State *L, int table, const char *name, enum uvws__lua_slot slot) {
  lua_pushstring(L, name);
  lua_rawget(L, table);
  lua_rawseti(L, -2, slot);
}

void uvws__lua_ask_take(lua_State *L) {
  int environment = lua_gettop(L);
  if (!lua_istable(L, 3)) return;
  take_function(L, 3, "on_verify", UVWS__LUA_ON_VERIFY);
  take_function(L, 3, "on_key_password", UVWS__LUA_ON_KEY_PASSWORD);
  lua_pushliteral(L, "reconnect");
  lua_rawget(L, 3);
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, environment);
    take_function(L, environment + 1, "should_retry", UVWS__LUA_SHOULD_RETRY);
    take_function(L, environment + 1, "before_attempt", UVWS__LUA_BEFORE_ATTEMPT);
  }
  lua_settop(L, environment);
}

void uvws__lua_ask_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {{"should_retry", should_retry}, {NULL, NULL}};
  uvws__lua_register(L, host, functions);
}
