/* Host names beyond ASCII (IDNA 2008 with UTS 46, RFC 5891), where libidn2 is built in. */
#ifndef UVWS_PROTO_IDN_H
#define UVWS_PROTO_IDN_H

#include "util/env.h"
#include "util/errors.h"

/* `name` (UTF-8, `len` bytes) in its xn-- form, owned by the caller. Returns 0, UVWS_EURI with
 * `detail` (it is none, or libidn2 is not built in), UV_ENOMEM. */
int uvws__idn_to_ascii(const struct uvws__env *env, const char *name, size_t len,
                       struct uvws__detail *detail, char **out);

#endif
