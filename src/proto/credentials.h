/* What goes into Authorization and Proxy-Authorization: Basic (RFC 7617), Bearer (RFC 6750). */
#ifndef UVWS_PROTO_CREDENTIALS_H
#define UVWS_PROTO_CREDENTIALS_H

#include "util/bytes.h"

/* Append "Basic " and the base64 of `userinfo`, "name:password" with the colon and the password
 * optional. 0 or UV_ENOMEM. */
int uvws__basic_append(const struct uvws__env *env, const char *userinfo, struct uvws__bytes *out);

/* The grammar of b64token (RFC 6750 2.1). */
int uvws__is_bearer_token(const char *text);

#endif
