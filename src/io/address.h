/*
 * IP addresses: literals read without a look-up, the answers of a look-up put in the order in which
 * they are tried (RFC 8305 section 4), and told in words.
 */
#ifndef UVWS_IO_ADDRESS_H
#define UVWS_IO_ADDRESS_H

#include <uv.h>

union uvws__address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* 1: `host` is an IPv4 or IPv6 literal (RFC 4007 zone included), now in `*out`. 0: it is not. */
int uvws__address_parse(const char *host, uint16_t port, union uvws__address *out);

#define UVWS__ADDRESS_TEXT 64 /* fits any address with a numeric zone */
void uvws__address_text(const union uvws__address *address, char out[UVWS__ADDRESS_TEXT]);

/* The address in network order; returns its length, 4 or 16. */
size_t uvws__address_bytes(const union uvws__address *address, uint8_t out[16]);

/* Is it the address that `block` (`len` bytes) names, or in the block of addresses: 10.0.0.0/8,
 * fe80::/10. 0 too when `block` is neither. */
int uvws__address_is_in(const union uvws__address *address, const char *block, size_t len);

/* A walk over the IPv4 and IPv6 addresses of `list` (borrowed while it lasts), the families by
 * turns, first that of the first address. Others are passed over. */
struct uvws__address_walk {
  const struct addrinfo *next[2];
  unsigned turn;
};

void uvws__address_walk_init(struct uvws__address_walk *walk, const struct addrinfo *list);
/* 1: the next one is in `*out`. 0: there are no more. */
int uvws__address_walk_next(struct uvws__address_walk *walk, uint16_t port,
                            union uvws__address *out);

/* How many such a walk yields. */
size_t uvws__address_count(const struct addrinfo *list);

#endif
