/*
 * The options of connect: one row a name, in the same words as uvws_options_t. Zero means "the
 * default" in C, so that a Lua value that would become zero is refused; math.huge stands for "no
 * time-out" and "no limit". Nothing is converted: a numeric string is no number.
 */
#include "lua/options.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lua/ask.h"

/* Reads the value on top into the field at `field`. Returns NULL, or what was expected, or
 * message_is_pushed. */
typedef const char *read_option(lua_State *L, uvws_options_t *options, void *field);

static const char message_is_pushed[] = "";

static const char *to_plain_string(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TSTRING) return NULL;
  size_t len;
  const char *text = lua_tolstring(L, index, &len);
  return strlen(text) == len ? text : NULL;
}

static const char *read_string(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  const char *text = to_plain_string(L, -1);
  if (!text) return "a string without NUL";
  *(const char **)field = text;
  return NULL;
}

/* A whole number from 1 to `max`, or -1. */
static double to_count(lua_State *L, double max) {
  if (lua_type(L, -1) != LUA_TNUMBER) return -1;
  double number = lua_tonumber(L, -1);
  return number >= 1 && number <= max && number == floor(number) ? number : -1;
}

static bool is_huge(lua_State *L) {
  return lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) == HUGE_VAL;
}

static const char *read_port(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  double number = to_count(L, UINT16_MAX);
  if (number < 0) return "a whole number from 1 to 65535";
  *(uint16_t *)field = (uint16_t)number;
  return NULL;
}

static const char *read_small(lua_State *L, int min, int max, int *out) {
  double number = to_count(L, max);
  if (number < min) return lua_pushfstring(L, "a whole number from %d to %d", min, max);
  *out = (int)number;
  return NULL;
}

static const char *read_level(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  return read_small(L, 1, 9, field);
}

static const char *read_window_bits(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  return read_small(L, 8, 15, field);
}

static const char *read_number(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  double number = to_count(L, UINT32_MAX);
  if (number < 0) return "a whole number from 1 to 4294967295";
  *(uint32_t *)field = (uint32_t)number;
  return NULL;
}

static const char *read_timeout(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  double number = is_huge(L) ? (double)UVWS_NO_TIMEOUT : to_count(L, (double)UVWS_NO_TIMEOUT - 1);
  if (number < 0) return "a whole number of milliseconds from 1 to 4294967294, or math.huge";
  *(uint32_t *)field = (uint32_t)number;
  return NULL;
}

/* Doubles hold whole numbers up to 2^53; on a 32-bit machine size_t ends before. */
static const char *read_limit(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  if (is_huge(L)) {
    *(size_t *)field = UVWS_NO_LIMIT;
    return NULL;
  }
  double number = to_count(L, sizeof(size_t) < 8 ? 4294967294.0 : 9007199254740992.0);
  if (number < 0) return "a whole number from 1, or math.huge";
  *(size_t *)field = (size_t)number;
  return NULL;
}

static const char *read_flag(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  if (!lua_isboolean(L, -1)) return "true or false";
  *(int *)field = lua_toboolean(L, -1);
  return NULL;
}

static const char *read_tls(lua_State *L, uvws_options_t *options, void *field) {
  static const struct {
    const char *name;
    uvws_tls_version_t version;
  } versions[] = {{"TLS_V1", UVWS_TLS_1_0},
                  {"TLS_V1_1", UVWS_TLS_1_1},
                  {"TLS_V1_2", UVWS_TLS_1_2},
                  {"TLS_V1_3", UVWS_TLS_1_3}};
  (void)options;
  const char *text = to_plain_string(L, -1);
  for (size_t i = 0; text && i < sizeof versions / sizeof *versions; i++) {
    if (strcmp(text, versions[i].name) != 0) continue;
    *(uvws_tls_version_t *)field = versions[i].version;
    return NULL;
  }
  return "TLS_1_0, TLS_1_1, TLS_1_2 or TLS_1_3";
}

/* The elements of the list on top, as strings in an array at UVWS__LUA_OPTIONS_PROTOCOLS. */
static const char *read_protocols(lua_State *L, uvws_options_t *options, void *field) {
  static const char expected[] = "a string or a list of strings";
  (void)field;
  bool is_list = lua_istable(L, -1);
  size_t count = is_list ? lua_objlen(L, -1) : 1;
  const char **protocols = lua_newuserdata(L, (count + 1) * sizeof *protocols);
  lua_replace(L, UVWS__LUA_OPTIONS_PROTOCOLS);
  for (size_t i = 0; i < count; i++) {
    if (is_list) {
      lua_rawgeti(L, -1, (int)i + 1);
    } else {
      lua_pushvalue(L, -1);
    }
    protocols[i] = to_plain_string(L, -1);
    lua_pop(L, 1);
    if (!protocols[i]) return expected;
  }
  options->protocols = protocols;
  options->protocol_count = count;
  return NULL;
}

/* The plugin's old name of protocols, where it wanted the protocol's version: those mean nothing.
 */
static const char *read_old_protocol(lua_State *L, uvws_options_t *options, void *field) {
  const char *text = to_plain_string(L, -1);
  bool is_version =
      text && (strcmp(text, "7") == 0 || strcmp(text, "8") == 0 || strcmp(text, "13") == 0);
  if (is_version) return NULL;
  if (options->protocols) return "nothing, since protocols is given";
  return read_protocols(L, options, field);
}

static size_t count_fields(lua_State *L, int table) {
  size_t count = 0;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_pop(L, 1);
    count++;
  }
  return count;
}

/* The field for the key and the value on top: [name] = value, or [number] = {name, value}. */
static bool read_header(lua_State *L, uvws_header_t *out) {
  if (lua_type(L, -2) == LUA_TSTRING) {
    out->name = to_plain_string(L, -2);
    out->value = to_plain_string(L, -1);
  } else if (lua_type(L, -2) == LUA_TNUMBER && lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    out->name = to_plain_string(L, -2);
    out->value = to_plain_string(L, -1);
    lua_pop(L, 2);
  } else {
    return false;
  }
  return out->name && out->value;
}

/* lua_next visits the elements of a list in their order, as long as they lie in the array part of
 * the table; a list that was filled backwards may not, so the list is read by number first. */
static const char *read_fields(lua_State *L, int slot, const uvws_header_t **out,
                               size_t *out_count) {
  static const char expected[] =
      "a table of name = value strings, or a list of {name, value} where a name repeats";
  if (!lua_istable(L, -1)) return expected;
  int table = lua_gettop(L);
  size_t count = 0;
  size_t listed = lua_objlen(L, table);
  uvws_header_t *headers =
      lua_newuserdata(L, (count_fields(L, table) + listed + 1) * sizeof *headers);
  lua_replace(L, slot);
  for (; count < listed; count++) {
    lua_pushinteger(L, (lua_Integer)count + 1);
    lua_rawgeti(L, table, (int)count + 1);
    if (!read_header(L, &headers[count])) return expected;
    lua_pop(L, 2);
  }
  lua_pushnil(L);
  while (lua_next(L, table)) {
    bool is_listed = lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) >= 1 &&
                     lua_tonumber(L, -2) <= (lua_Number)listed;
    if (!is_listed && !read_header(L, &headers[count++])) return expected;
    lua_pop(L, 1);
  }
  *out = headers;
  *out_count = count;
  return NULL;
}

static const char *read_headers(lua_State *L, uvws_options_t *options, void *field) {
  (void)field;
  return read_fields(L, UVWS__LUA_OPTIONS_HEADERS, &options->headers, &options->header_count);
}

static const char *read_proxy_headers(lua_State *L, uvws_options_t *options, void *field) {
  (void)field;
  return read_fields(L, UVWS__LUA_OPTIONS_PROXY_HEADERS, &options->proxy_headers,
                     &options->proxy_header_count);
}

static read_option read_compression, read_reconnect;

/* Functions of Lua's are kept by uvws__lua_ask_take; C gets the one that asks them. */
static const char *check_function(lua_State *L) {
  return lua_isfunction(L, -1) ? NULL : "a function";
}

static const char *read_verify(lua_State *L, uvws_options_t *options, void *field) {
  (void)field;
  options->on_verify = uvws__lua_verify;
  return check_function(L);
}

static const char *read_key_password(lua_State *L, uvws_options_t *options, void *field) {
  (void)field;
  options->on_key_password = uvws__lua_key_password;
  return check_function(L);
}

static const char *read_should_retry(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  ((uvws_reconnect_t *)field)->should_retry = uvws__lua_should_retry;
  return check_function(L);
}

static const char *read_before_attempt(lua_State *L, uvws_options_t *options, void *field) {
  (void)options;
  ((uvws_reconnect_t *)field)->before_attempt = uvws__lua_before_attempt;
  return check_function(L);
}

/* What lua/uvws/face.lua and lua/uvws/client.lua read for themselves is only checked here. */
static const char *check_flag(lua_State *L, uvws_options_t *options, void *field) {
  int flag;
  (void)field;
  return read_flag(L, options, &flag);
}

static const char *check_limit(lua_State *L, uvws_options_t *options, void *field) {
  size_t limit;
  (void)field;
  return read_limit(L, options, &limit);
}

/* What the plugin took and we have no use for. */
static const char *read_ignored(lua_State *L, uvws_options_t *options, void *field) {
  (void)L;
  (void)options;
  (void)field;
  return NULL;
}

#define OFFSET(name) offsetof(uvws_options_t, name)
#define FIELD(name) #name, OFFSET(name)

struct option_row {
  const char *name; /* NULL behind the last */
  size_t offset;
  read_option *read;
};

static const struct option_row rows[] = {
    {FIELD(port), read_port},
    {FIELD(headers), read_headers},
    {FIELD(protocols), read_protocols},
    {FIELD(origin), read_string},
    {FIELD(connect_timeout_ms), read_timeout},
    {FIELD(handshake_timeout_ms), read_timeout},
    {FIELD(close_timeout_ms), read_timeout},
    {FIELD(ping_interval_ms), read_timeout},
    {FIELD(pong_timeout_ms), read_timeout},
    {FIELD(idle_timeout_ms), read_timeout},
    {FIELD(max_message_size), read_limit},
    {FIELD(max_fragments), read_limit},
    {FIELD(max_head_size), read_limit},
    {FIELD(tls), read_tls},
    {FIELD(tls_min), read_tls},
    {FIELD(tls_max), read_tls},
    {FIELD(ca_file), read_string},
    {FIELD(ca_path), read_string},
    {FIELD(cert_file), read_string},
    {FIELD(key_file), read_string},
    {FIELD(server_name), read_string},
    {FIELD(insecure_skip_verify), read_flag},
    {FIELD(compression), read_compression},
    {FIELD(high_water_mark), read_limit},
    {FIELD(low_water_mark), read_limit},
    {FIELD(max_buffered), read_limit},
    {FIELD(socket_path), read_string},
    {FIELD(local_address), read_string},
    {FIELD(tcp_keepalive_s), read_number},
    {FIELD(attempt_timeout_ms), read_timeout},
    {FIELD(proxy), read_string},
    {FIELD(proxy_headers), read_proxy_headers},
    {FIELD(proxy_ca_file), read_string},
    {FIELD(proxy_from_env), read_flag},
    {FIELD(max_redirects), read_number},
    {FIELD(bearer_token), read_string},
    {FIELD(ca_pem), read_string},
    {FIELD(cert_pem), read_string},
    {FIELD(key_pem), read_string},
    {FIELD(pkcs12_file), read_string},
    {FIELD(key_password), read_string},
    {FIELD(ciphers), read_string},
    {FIELD(ciphersuites), read_string},
    {FIELD(alpn), read_string},
    {FIELD(pinned_public_key), read_string},
    {FIELD(crl_file), read_string},
    {FIELD(require_ocsp_staple), read_flag},
    {FIELD(no_session_resumption), read_flag},
    {FIELD(keylog_file), read_string},
    {FIELD(keylog_from_env), read_flag},
    {FIELD(on_verify), read_verify},
    {FIELD(on_key_password), read_key_password},
    {FIELD(reconnect), read_reconnect},
    {"schedule", 0, check_flag},
    {"receive_mark", 0, check_limit},
    {"protocol", 0, read_old_protocol},
    {"throttle", 0, read_ignored},
    {0},
};

/* What a table as the value of reconnect may hold. */
static const struct option_row reconnect_rows[] = {
#define RECONNECT_FIELD(name) #name, offsetof(uvws_reconnect_t, name)
    {RECONNECT_FIELD(delay_ms), read_timeout},
    {RECONNECT_FIELD(max_delay_ms), read_timeout},
    {RECONNECT_FIELD(stable_ms), read_timeout},
    {RECONNECT_FIELD(max_attempts), read_number},
    {RECONNECT_FIELD(no_jitter), read_flag},
    {RECONNECT_FIELD(keep_bytes), read_limit},
    {"should_retry", 0, read_should_retry},
    {"before_attempt", 0, read_before_attempt},
#undef RECONNECT_FIELD
    {0},
};

/* What a table as the value of compression may hold. */
static const struct option_row compression_rows[] = {
    {"level", OFFSET(compression_level), read_level},
    {"memory_level", OFFSET(compression_memory_level), read_level},
    {"threshold", OFFSET(compression_threshold), read_limit},
    {FIELD(client_max_window_bits), read_window_bits},
    {FIELD(server_max_window_bits), read_window_bits},
    {FIELD(client_no_context_takeover), read_flag},
    {FIELD(server_no_context_takeover), read_flag},
    {0},
};

static bool is_known(const struct option_row *row, const char *name) {
  while (row->name && strcmp(row->name, name) != 0)
    row++;
  return row->name != NULL;
}

/* Every name is looked up before any value is read: what a table holds beside a typo does not
 * matter. */
static int refuse_unknown_names(lua_State *L, int index, const struct option_row *known,
                                const char *prefix) {
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      lua_pushfstring(L, "unknown option: option names are strings, got a %s",
                      luaL_typename(L, -2));
      return UVWS_EOPTION;
    }
    if (!is_known(known, lua_tostring(L, -2))) {
      lua_pushfstring(L, "unknown option '%s%s'", prefix, lua_tostring(L, -2));
      return UVWS_EOPTION;
    }
    lua_pop(L, 1);
  }
  return 0;
}

/* The rows in order, so that the same table always names the same fault. */
static int read_rows(lua_State *L, int index, const struct option_row *row, const char *prefix,
                     uvws_options_t *options, void *fields) {
  if (refuse_unknown_names(L, index, row, prefix) != 0) return UVWS_EOPTION;
  for (; row->name; row++) {
    lua_pushstring(L, row->name);
    lua_rawget(L, index);
    int value = lua_gettop(L);
    const char *expected =
        lua_isnil(L, value) ? NULL : row->read(L, options, (char *)fields + row->offset);
    if (expected && expected != message_is_pushed) {
      lua_pushfstring(L, "bad option '%s%s': %s expected, got %s", prefix, row->name, expected,
                      luaL_typename(L, value));
    }
    if (expected) return UVWS_EOPTION;
    lua_settop(L, value - 1);
  }
  return 0;
}

/* true: offered, as by default; false: not offered; a table: offered with its parameters. */
static const char *read_compression(lua_State *L, uvws_options_t *options, void *field) {
  if (lua_isboolean(L, -1)) {
    *(uvws_compression_t *)field =
        lua_toboolean(L, -1) ? UVWS_COMPRESSION_DEFAULT : UVWS_COMPRESSION_OFF;
    return NULL;
  }
  if (!lua_istable(L, -1)) return "true, false or a table of parameters";
  int err = read_rows(L, lua_gettop(L), compression_rows, "compression.", options, options);
  return err ? message_is_pushed : NULL;
}

/* true: with the defaults; false: never, as by default; a table: with its parameters. */
static const char *read_reconnect(lua_State *L, uvws_options_t *options, void *field) {
  if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) return NULL;
  if (!lua_isboolean(L, -1) && !lua_istable(L, -1)) return "true, false or a table of parameters";
  int value = lua_gettop(L);
  uvws_reconnect_t *reconnect = lua_newuserdata(L, sizeof *reconnect);
  *reconnect = (uvws_reconnect_t){.size = sizeof *reconnect};
  lua_replace(L, UVWS__LUA_OPTIONS_RECONNECT);
  *(const uvws_reconnect_t **)field = reconnect;
  if (!lua_istable(L, value)) return NULL;
  int err = read_rows(L, value, reconnect_rows, "reconnect.", options, reconnect);
  return err ? message_is_pushed : NULL;
}

int uvws__lua_options_read(lua_State *L, int index, uvws_options_t *options) {
  return read_rows(L, index, rows, "", options, options);
}

/* What is settled when connect is called: functions, and what Lua code has read by then. */
static const char *const settled[] = {"reconnect", "on_verify", "on_key_password", "schedule",
                                      "receive_mark"};

static int read_uri(lua_State *L, int index, uvws_options_t *options) {
  lua_getfield(L, index, "uri");
  if (!lua_isnil(L, -1)) options->uri = to_plain_string(L, -1);
  if (options->uri) return 0;
  lua_pushfstring(L, "bad option 'uri': a string without NUL expected, got %s",
                  luaL_typename(L, -1));
  return UVWS_EOPTION;
}

/* The table is replaced by a copy, which nobody else changes while strings are borrowed from it. */
static void copy_table(lua_State *L, int index) {
  lua_newtable(L);
  int copy = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, copy);
  }
  lua_replace(L, index);
}

int uvws__lua_options_change(lua_State *L, int index, uvws_options_t *options) {
  copy_table(L, index);
  for (size_t i = 0; i < sizeof settled / sizeof *settled; i++) {
    lua_getfield(L, index, settled[i]);
    bool is_there = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (!is_there) continue;
    lua_pushfstring(L, "bad option '%s': it was settled by connect", settled[i]);
    return UVWS_EOPTION;
  }
  if (read_uri(L, index, options) != 0) return UVWS_EOPTION;
  lua_pushnil(L); /* the URI stays on the stack, where it is kept */
  lua_setfield(L, index, "uri");
  return read_rows(L, index, rows, "", options, options);
}
