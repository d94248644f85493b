/*
 * Host names (RFC 1123 2.1, RFC 3986 3.2.2) and IPv6 zone ids (RFC 6874).
 *
 * Stricter than RFC 3986, which lets a name hold nearly anything: letters, digits, hyphen, dot and,
 * because names with it exist, underscore. A name that ends in a number and is no dotted quad
 * (127.1, 0x7f.0.0.1, 010.0.0.1) is refused, as the URL standard of browsers does: resolvers
 * read such names as addresses, each in its own way.
 */
#include "proto/host.h"

#include <string.h>

#include "proto/token.h"

#define NAME_MAX_LEN 253 /* RFC 1035 2.3.4: 255 octets on the wire */
#define LABEL_MAX_LEN 63

static int check_characters(char *name, struct uvws__detail *detail) {
  for (char *c = name; *c; c++) {
    if (!uvws__is_digit(*c) && !uvws__is_alpha(*c) && !strchr("-._", *c))
      return uvws__fail(detail, UVWS_EURI, "the host has the character '%c' in it", *c);
    *c = uvws__ascii_lower(*c);
  }
  return 0;
}

/* One trailing dot is allowed: it names the root. */
static int check_labels(const char *name, struct uvws__detail *detail) {
  for (const char *label = name;;) {
    size_t len = strcspn(label, ".");
    if (len == 0) return uvws__fail(detail, UVWS_EURI, "the host has an empty label");
    if (len > LABEL_MAX_LEN)
      return uvws__fail(detail, UVWS_EURI, "the host has a label of more than %d characters",
                        LABEL_MAX_LEN);
    label += len;
    if (label[0] == '\0' || label[1] == '\0') return 0;
    label++;
  }
}

static int is_hex_number(const char *label, size_t len) {
  return len >= 2 && label[0] == '0' && label[1] == 'x' &&
         strspn(label + 2, "0123456789abcdef") >= len - 2;
}

static int ends_in_number(const char *name) {
  size_t end = strlen(name);
  if (end && name[end - 1] == '.') end--;
  size_t begin = end;
  while (begin && name[begin - 1] != '.')
    begin--;
  size_t len = end - begin;
  return strspn(name + begin, "0123456789") >= len || is_hex_number(name + begin, len);
}

int uvws__host_check(char *name, int is_ipv4, struct uvws__detail *detail) {
  if (!*name) return uvws__fail(detail, UVWS_EURI, "the host is empty");
  int err = check_characters(name, detail);
  if (err) return err;
  size_t len = strlen(name);
  if (len - (name[len - 1] == '.') > NAME_MAX_LEN)
    return uvws__fail(detail, UVWS_EURI, "the host has more than %d characters", NAME_MAX_LEN);
  err = check_labels(name, detail);
  if (err) return err;
  if (!is_ipv4 && ends_in_number(name))
    return uvws__fail(detail, UVWS_EURI, "the host %.64s looks like an IPv4 address and is none",
                      name);
  return 0;
}

static int is_unreserved(char c) {
  return uvws__is_digit(c) || uvws__is_alpha(c) || (c && strchr("-._~", c));
}

int uvws__host_cut_zone(const struct uvws__env *env, char *authority, struct uvws__detail *detail,
                        char **zone) {
  *zone = NULL;
  char *open = strchr(authority, '[');
  char *close = open ? strchr(open, ']') : NULL;
  char *mark = close ? strstr(open, "%25") : NULL;
  if (!mark || mark > close) return 0;
  const char *name = mark + strlen("%25");
  for (const char *c = name; c < close; c++)
    if (!is_unreserved(*c))
      return uvws__fail(detail, UVWS_EURI, "the zone id has the character '%c' in it", *c);
  if (name >= close) return uvws__fail(detail, UVWS_EURI, "the zone id is empty");
  *zone = uvws__strndup(env, name, (size_t)(close - name));
  if (!*zone) return UVWS__ENOMEM;
  memmove(mark, close, strlen(close) + 1);
  return 0;
}
