/*
 * IP addresses: literals, order, words.
 *
 * RFC 8305 section 4 asks to interleave the families, with a "First Address Family Count" of 1.
 * getaddrinfo has sorted the list already (RFC 6724), so the order within a family is kept.
 */
#include "io/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libuv reads a zone as an interface's name only; RFC 4007 section 11.2 allows its number too. */
static int zone_fill(const char *zone, uint32_t *scope_id) {
  char *end;
  if (*scope_id) return 1;
  unsigned long number = strtoul(zone, &end, 10);
  if (zone[0] < '0' || zone[0] > '9' || *end || number == 0 || number > UINT32_MAX) return 0;
  *scope_id = (uint32_t)number;
  return 1;
}

int uvws__address_parse(const char *host, uint16_t port, union uvws__address *out) {
  union uvws__address address;
  memset(&address, 0, sizeof address);
  if (uv_ip4_addr(host, port, &address.v4) == 0) {
    *out = address;
    return 1;
  }
  memset(&address, 0, sizeof address);
  if (uv_ip6_addr(host, port, &address.v6)) return 0;
  const char *percent = strchr(host, '%');
  /* With a zone that does not exist the look-up is left to say so. */
  if (percent && !zone_fill(percent + 1, &address.v6.sin6_scope_id)) return 0;
  *out = address;
  return 1;
}

void uvws__address_text(const union uvws__address *address, char out[UVWS__ADDRESS_TEXT]) {
  out[0] = '\0';
  if (address->any.sa_family == AF_INET) {
    uv_ip4_name(&address->v4, out, UVWS__ADDRESS_TEXT);
    return;
  }
  uv_ip6_name(&address->v6, out, UVWS__ADDRESS_TEXT);
  size_t len = strlen(out);
  if (address->v6.sin6_scope_id)
    snprintf(out + len, UVWS__ADDRESS_TEXT - len, "%%%lu",
             (unsigned long)address->v6.sin6_scope_id);
}

size_t uvws__address_bytes(const union uvws__address *address, uint8_t out[16]) {
  if (address->any.sa_family == AF_INET) {
    memcpy(out, &address->v4.sin_addr, 4);
    return 4;
  }
  memcpy(out, &address->v6.sin6_addr, 16);
  return 16;
}

/* The number behind a slash; -1: it is none from 0 to `max`. */
static int prefix_bits(const char *text, int max) {
  int bits = 0;
  size_t len = strspn(text, "0123456789");
  if (len == 0 || len > 3 || text[len]) return -1;
  for (; *text; text++)
    bits = bits * 10 + (*text - '0');
  return bits <= max ? bits : -1;
}

static int is_same_prefix(const uint8_t *a, const uint8_t *b, int bits) {
  int whole = bits / 8;
  if (memcmp(a, b, (size_t)whole) != 0) return 0;
  int rest = bits % 8;
  return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

int uvws__address_is_in(const union uvws__address *address, const char *block, size_t len) {
  union uvws__address other;
  uint8_t a[16], b[16];
  char text[UVWS__ADDRESS_TEXT];
  if (len >= sizeof text) return 0;
  memcpy(text, block, len);
  text[len] = '\0';
  char *slash = strchr(text, '/');
  if (slash) *slash = '\0';
  if (!uvws__address_parse(text, 0, &other) || other.any.sa_family != address->any.sa_family)
    return 0;
  int size = (int)uvws__address_bytes(address, a);
  uvws__address_bytes(&other, b);
  int bits = slash ? prefix_bits(slash + 1, 8 * size) : 8 * size;
  return bits >= 0 && is_same_prefix(a, b, bits);
}

static int is_usable(const struct addrinfo *ai) {
  return ai->ai_family == AF_INET || ai->ai_family == AF_INET6;
}

static const struct addrinfo *skip_to_family(const struct addrinfo *list, int family) {
  while (list && list->ai_family != family)
    list = list->ai_next;
  return list;
}

void uvws__address_walk_init(struct uvws__address_walk *walk, const struct addrinfo *list) {
  memset(walk, 0, sizeof *walk);
  while (list && !is_usable(list))
    list = list->ai_next;
  if (!list) return;
  int other = list->ai_family == AF_INET6 ? AF_INET : AF_INET6;
  walk->next[0] = list;
  walk->next[1] = skip_to_family(list, other);
}

int uvws__address_walk_next(struct uvws__address_walk *walk, uint16_t port,
                            union uvws__address *out) {
  unsigned which = walk->next[walk->turn] ? walk->turn : 1 - walk->turn;
  const struct addrinfo *ai = walk->next[which];
  if (!ai) return 0;
  memset(out, 0, sizeof *out);
  if (ai->ai_family == AF_INET) {
    memcpy(&out->v4, ai->ai_addr, sizeof out->v4);
    out->v4.sin_port = htons(port);
  } else {
    memcpy(&out->v6, ai->ai_addr, sizeof out->v6);
    out->v6.sin6_port = htons(port);
  }
  walk->next[which] = skip_to_family(ai->ai_next, ai->ai_family);
  walk->turn = 1 - which;
  return 1;
}

size_t uvws__address_count(const struct addrinfo *list) {
  size_t count = 0;
  for (; list; list = list->ai_next)
    if (is_usable(list)) count++;
  return count;
}
