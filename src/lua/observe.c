/* What a client, or all of them, can be asked; and closing all of them. */
#include <string.h>

#include "lua/client.h"

/* state(self): "closed", "connecting", "open" or "closing". */
static int client_state(lua_State *L) {
  static const char *const names[] = {[UVWS_STATE_CLOSED] = "closed",
                                      [UVWS_STATE_CONNECTING] = "connecting",
                                      [UVWS_STATE_OPEN] = "open",
                                      [UVWS_STATE_CLOSING] = "closing"};
  lua_pushstring(L, names[uvws_state(uvws__lua_check_client(L)->ws)]);
  return 1;
}

/* buffered(self): bytes queued here and not yet handed to the kernel. */
static int client_buffered(lua_State *L) {
  uvws__lua_push_whole(L, (double)uvws_buffered(uvws__lua_check_client(L)->ws));
  return 1;
}

/* protocol(self): the subprotocol that the server chose, or nil. */
static int client_protocol(lua_State *L) {
  lua_pushstring(L, uvws_protocol(uvws__lua_check_client(L)->ws));
  return 1;
}

/* header(self, name): a field of the server's answer, or nil. */
static int client_header(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  const char *name = uvws__lua_check_string(L, 2, "name", NULL);
  lua_pushstring(L, uvws_response_header(client->ws, name));
  return 1;
}

static const struct {
  const char *name;
  size_t offset;
} stats_rows[] = {
#define ROW(name)                                                                                  \
  { #name, offsetof(uvws_stats_t, name) }
    ROW(bytes_in),
    ROW(bytes_out),
    ROW(bytes_dropped),
    ROW(messages_in),
    ROW(messages_out),
    ROW(frames_in),
    ROW(frames_out),
    ROW(pings_in),
    ROW(pings_out),
    ROW(pongs_in),
    ROW(pongs_out),
    ROW(compressed_bytes_in),
    ROW(expanded_bytes_in),
    ROW(compressed_bytes_out),
    ROW(plain_bytes_out),
    ROW(connects),
    ROW(reconnects),
    ROW(opens),
    ROW(failures),
    ROW(clients),
    ROW(open),
    ROW(buffered),
    ROW(resolve_us),
    ROW(connect_us),
    ROW(tls_us),
    ROW(upgrade_us),
    ROW(rtt_last_us),
    ROW(rtt_smoothed_us),
    ROW(rtt_min_us),
#undef ROW
};

/* Of the client at index 1, or with nil there of all. */
static uvws_stats_t check_stats(lua_State *L) {
  const struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  uvws_stats_t stats = {.size = sizeof stats};
  if (!lua_isnoneornil(L, 1))
    uvws_stats(uvws__lua_check_client(L)->ws, &stats);
  else if (host->context)
    uvws_context_stats(host->context, &stats);
  return stats;
}

/* stats([self]): a table of all numbers by their names in uvws_stats_t. */
static int host_stats(lua_State *L) {
  uvws_stats_t stats = check_stats(L);
  size_t count = sizeof stats_rows / sizeof *stats_rows;
  lua_createtable(L, 0, (int)count);
  for (size_t i = 0; i < count; i++) {
    uint64_t value;
    memcpy(&value, (const char *)&stats + stats_rows[i].offset, sizeof value);
    uvws__lua_push_whole(L, (double)value);
    lua_setfield(L, -2, stats_rows[i].name);
  }
  return 1;
}

/* prometheus([self [, labels]]): the same in Prometheus' text format. */
static int host_prometheus(lua_State *L) {
  uvws_stats_t stats = check_stats(L);
  const char *labels = lua_isnoneornil(L, 2) ? NULL : uvws__lua_check_string(L, 2, "labels", NULL);
  size_t len = uvws_stats_prometheus(&stats, labels, NULL, 0);
  char *text = lua_newuserdata(L, len + 1);
  uvws_stats_prometheus(&stats, labels, text, len + 1);
  lua_pushlstring(L, text, len);
  return 1;
}

static void push_certificate(lua_State *L, const uvws_certificate_t *certificate) {
  lua_createtable(L, 0, 7);
  uvws__lua_set_string(L, "subject", certificate->subject);
  uvws__lua_set_string(L, "issuer", certificate->issuer);
  uvws__lua_set_string(L, "not_before", certificate->not_before);
  uvws__lua_set_string(L, "not_after", certificate->not_after);
  uvws__lua_set_string(L, "sha256", certificate->sha256);
  uvws__lua_set_string(L, "public_key_pin", certificate->public_key_pin);
  uvws__lua_set_string(L, "pem", certificate->pem);
}

static const char *tls_version_name(uvws_tls_version_t version) {
  switch (version) {
  case UVWS_TLS_1_0:
    return "TLS_V1";
  case UVWS_TLS_1_1:
    return "TLS_V1_1";
  case UVWS_TLS_1_2:
    return "TLS_V1_2";
  case UVWS_TLS_1_3:
    return "TLS_V1_3";
  default:
    return NULL;
  }
}

void uvws__lua_push_tls_info(lua_State *L, const uvws_tls_info_t *info) {
  lua_createtable(L, 0, 5);
  uvws__lua_set_string(L, "version", tls_version_name(info->version));
  uvws__lua_set_string(L, "cipher", info->cipher);
  uvws__lua_set_string(L, "alpn", info->alpn);
  uvws__lua_set_boolean(L, "is_resumed", info->is_resumed);
  lua_createtable(L, (int)info->certificate_count, 0);
  for (size_t i = 0; i < info->certificate_count; i++) {
    push_certificate(L, &info->certificates[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "certificates");
}

/* tls_info(self): a table of what TLS agreed on, or nil, message, code. */
static int client_tls_info(lua_State *L) {
  struct uvws__lua_client *client = uvws__lua_check_client(L);
  const uvws_tls_info_t *info;
  int err = uvws_tls_info(client->ws, &info);
  if (err < 0) return uvws__lua_push_failure(L, uvws_strerror(err), err);
  uvws__lua_push_tls_info(L, info);
  return 1;
}

static void on_all_closed(uvws_context_t *ctx, int cut_count, void *arg) {
  struct uvws__lua_host *host = uvws_context_loop(ctx)->data;
  uvws__lua_host_complete(host, (int)(intptr_t)arg, cut_count);
}

/* close_all(fn [, code [, reason [, timeout_ms]]]): close every connection; fn(cut_count) when the
 * last is closed. */
static int host_close_all(lua_State *L) {
  struct uvws__lua_host *host = lua_touserdata(L, lua_upvalueindex(1));
  luaL_checktype(L, 1, LUA_TFUNCTION);
  int code = (int)luaL_optinteger(L, 2, 1000);
  size_t len = 0;
  const char *reason = luaL_optlstring(L, 3, NULL, &len);
  lua_Number timeout_ms = luaL_optnumber(L, 4, (lua_Number)UVWS_NO_TIMEOUT);
  if (!(timeout_ms >= 0 && timeout_ms < (lua_Number)UVWS_NO_TIMEOUT)) timeout_ms = UVWS_NO_TIMEOUT;
  if (!host->context) return luaL_error(L, "the Lua state is closing");
  lua_pushvalue(L, 1);
  int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  int err = uvws_context_close_all(host->context, code, reason, len, (uint32_t)timeout_ms,
                                   on_all_closed, (void *)(intptr_t)ref);
  if (err < 0) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    return uvws__lua_push_failure(L, uvws_strerror(err), err);
  }
  uvws__lua_host_changed(L, host);
  lua_pushboolean(L, 1);
  return 1;
}

void uvws__lua_observe_register(lua_State *L, struct uvws__lua_host *host) {
  static const luaL_Reg functions[] = {
      {"state", client_state},       {"buffered", client_buffered}, {"protocol", client_protocol},
      {"header", client_header},     {"stats", host_stats},         {"prometheus", host_prometheus},
      {"close_all", host_close_all}, {"tls_info", client_tls_info}, {NULL, NULL}};
  uvws__lua_register(L, host, functions);
}
