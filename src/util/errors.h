/*
 * The error numbers that code below the API needs without including <uv.h>: libuv's UV_ENOMEM and
 * UV_EINVAL are -ENOMEM and -EINVAL where errno has them (uv/errno.h), checked in conn/.
 */
#ifndef UVWS_UTIL_ERRORS_H
#define UVWS_UTIL_ERRORS_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "uvws.h"

#if defined(_WIN32)
#define UVWS__ENOMEM (-4057)
#define UVWS__EINVAL (-4071)
#else
#define UVWS__ENOMEM (-ENOMEM)
#define UVWS__EINVAL (-EINVAL)
#endif

/* The particulars of a failure, one line for a person. A zeroed struct is an empty one. */
struct uvws__detail {
  char text[256];
};

/* printf into `detail` (NULL is accepted); cut where it is too long. */
void uvws__explain(struct uvws__detail *detail, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* The same, and its value is `err`, so that a failure is one line:
 * `return uvws__fail(detail, UVWS_EURI, "port %ld is not in 1..65535", port);`
 * A macro, so that compilers and analysers see at each place that a failure is not 0. */
#define uvws__fail(detail, err, ...) (uvws__explain((detail), __VA_ARGS__), (err))

#endif
