/* The host of a URI (RFC 3986 3.2.2): a name, an IPv4 or an IPv6 address, made fit for look-up. */
#ifndef UVWS_PROTO_HOST_H
#define UVWS_PROTO_HOST_H

#include "util/env.h"
#include "util/errors.h"

/* Judge a percent-decoded name, which is ASCII (proto/idn.h), and make it lower case in place.
 * `is_ipv4` says that it is a dotted quad already. 0 or UVWS_EURI. */
int uvws__host_check(char *name, int is_ipv4, struct uvws__detail *detail);

/*
 * Cut the zone id (RFC 6874: "%25" and unreserved characters behind an IPv6 address) out of
 * `authority`, in place. `*zone` (owned by the caller) becomes NULL when there is none. Returns 0,
 * UVWS_EURI, UV_ENOMEM.
 */
int uvws__host_cut_zone(const struct uvws__env *env, char *authority, struct uvws__detail *detail,
                        char **zone);

#endif
