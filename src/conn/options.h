/* The caller's options, copied whole, with the defaults filled in. */
#ifndef UVWS_CONN_OPTIONS_H
#define UVWS_CONN_OPTIONS_H

#include "util/env.h"
#include "util/errors.h"

/* `in` in one piece of memory of its own, strings and arrays included: uvws__free frees it. Judges
 * what depends on numbers alone. Returns 0, UV_EINVAL (no size), UVWS_EOPTION, UV_ENOMEM. */
int uvws__options_copy(const struct uvws__env *env, const uvws_options_t *in,
                       struct uvws__detail *detail, uvws_options_t **out);

#endif
