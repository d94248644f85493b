/* Retry-After (RFC 9110 10.2.3): when a server wants to be asked again. */
#ifndef UVWS_PROTO_RETRY_AFTER_H
#define UVWS_PROTO_RETRY_AFTER_H

#include <stdint.h>

/* `value` is a number of seconds, or a date, which is taken relative to the answer's own `date`
 * (RFC 9110 6.6.1; NULL: it had none), so that nobody's clock has to be right. 1: `*out` is set.
 * 0: it says nothing that can be used. */
int uvws__retry_after(const char *value, const char *date, uint64_t *out_ms);

#endif
