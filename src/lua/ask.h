/*
 * Questions that the library asks in the middle of its work and a function of the user's answers
 * at once: reconnect.should_retry, reconnect.before_attempt, on_verify, on_key_password.
 *
 * The function runs in protected mode on the Lua thread that turns the loop and cannot yield. When
 * it raises, or answers with what is no answer, the error goes to the error handler and the answer
 * is the safe one: no other attempt, the certificate refused, no password.
 */
#ifndef UVWS_LUA_ASK_H
#define UVWS_LUA_ASK_H

#include "lua/client.h"

/* Take the functions among the options at index 3, which have been read, into the array on top. */
void uvws__lua_ask_take(lua_State *L);

/* The callbacks for uvws_options_t and uvws_reconnect_t; the client is the user pointer. */
int uvws__lua_should_retry(uvws_t *ws, const uvws_retry_t *retry, void *user);
int uvws__lua_before_attempt(uvws_t *ws, uvws_options_t *options, uint32_t attempt, void *user);
int uvws__lua_verify(uvws_t *ws, int err, const char *message, const uvws_tls_info_t *info,
                     void *user);

int uvws__lua_key_password(uvws_t *ws, char *out, size_t cap, void *user);

/* Hands host->question to its function; upvalue 1 is the host. */
int uvws__lua_ask_deliver(lua_State *L);

/* Put should_retry into the table on top. */
void uvws__lua_ask_register(lua_State *L, struct uvws__lua_host *host);

#endif
