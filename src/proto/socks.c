/*
 * SOCKS, the client's side. Each reply is gathered in a buffer that holds the longest there can be,
 * and its length is known from its first bytes: nothing the proxy says makes it longer.
 */
#include "proto/socks.h"

#include <string.h>

enum step {
  AWAIT_METHOD = 1, /* RFC 1928 3 */
  AWAIT_LOGIN,      /* RFC 1929 2 */
  AWAIT_CONNECT,    /* RFC 1928 6 */
  AWAIT_CONNECT_4,
  IS_DONE
};

enum { METHOD_NONE = 0x00, METHOD_LOGIN = 0x02, METHOD_REFUSED = 0xFF };
enum { TYPE_IPV4 = 1, TYPE_NAME = 3, TYPE_IPV6 = 4 };

/* Writing. The first failure sticks. */

struct writer {
  const struct uvws__env *env;
  struct uvws__bytes *out;
  int err;
};

static void put(struct writer *w, const void *data, size_t len) {
  if (!w->err) w->err = uvws__bytes_append(w->env, w->out, data, len);
}

static void put_byte(struct writer *w, unsigned byte) {
  uint8_t b = (uint8_t)byte;
  put(w, &b, 1);
}

static void put_port(struct writer *w, uint16_t port) {
  put_byte(w, port >> 8);
  put_byte(w, port & 0xFF);
}

/* With its length in front. */
static void put_counted(struct writer *w, const char *text, size_t len) {
  put_byte(w, (unsigned)len);
  put(w, text, len);
}

static size_t user_len(const char *userinfo) {
  return strcspn(userinfo, ":");
}

static const char *password_of(const char *userinfo) {
  const char *colon = strchr(userinfo, ':');
  return colon ? colon + 1 : "";
}

static int write_login(const struct uvws__env *env, const struct uvws__socks *s,
                       struct uvws__bytes *out) {
  struct writer w = {.env = env, .out = out};
  const char *userinfo = s->target.userinfo;
  const char *password = password_of(userinfo);
  put_byte(&w, 1);
  put_counted(&w, userinfo, user_len(userinfo));
  put_counted(&w, password, strlen(password));
  return w.err;
}

static int write_connect(const struct uvws__env *env, const struct uvws__socks *s,
                         struct uvws__bytes *out) {
  struct writer w = {.env = env, .out = out};
  const struct uvws__socks_target *t = &s->target;
  put(&w, "\x05\x01\x00", 3);
  if (t->ip_len) {
    put_byte(&w, t->ip_len == 4 ? TYPE_IPV4 : TYPE_IPV6);
    put(&w, t->ip, t->ip_len);
  } else {
    put_byte(&w, TYPE_NAME);
    put_counted(&w, t->host, strlen(t->host));
  }
  put_port(&w, t->port);
  return w.err;
}

/* SOCKS4a: an address that cannot be, 0.0.0.1, says that a name follows. */
static int write_connect_4(const struct uvws__env *env, const struct uvws__socks *s,
                           struct uvws__bytes *out) {
  struct writer w = {.env = env, .out = out};
  const struct uvws__socks_target *t = &s->target;
  const char *user = t->userinfo ? t->userinfo : "";
  put(&w, "\x04\x01", 2);
  put_port(&w, t->port);
  put(&w, t->ip_len ? (const char *)t->ip : "\0\0\0\1", 4);
  put(&w, user, user_len(user));
  put_byte(&w, 0);
  if (!t->ip_len) put(&w, t->host, strlen(t->host) + 1);
  return w.err;
}

/* Beginning */

static int check_userinfo(const struct uvws__socks_target *t, struct uvws__detail *detail) {
  if (!t->userinfo) return 0;
  if (user_len(t->userinfo) > UVWS__SOCKS_STRING_MAX)
    return uvws__fail(detail, UVWS_EPROXY, "the user name for the SOCKS proxy is too long");
  if (strlen(password_of(t->userinfo)) > UVWS__SOCKS_STRING_MAX)
    return uvws__fail(detail, UVWS_EPROXY, "the password for the SOCKS proxy is too long");
  return 0;
}

static int check_target(const struct uvws__socks_target *t, struct uvws__detail *detail) {
  if (!t->ip_len && strlen(t->host) > UVWS__SOCKS_STRING_MAX)
    return uvws__fail(detail, UVWS_EPROXY, "the host has more than %d bytes, too many for SOCKS",
                      UVWS__SOCKS_STRING_MAX);
  if (!t->ip_len && !*t->host) return uvws__fail(detail, UVWS_EPROXY, "the host is empty");
  if (t->version == UVWS__SOCKS_4A && t->ip_len == 16)
    return uvws__fail(detail, UVWS_EPROXY, "SOCKS4a knows no IPv6 addresses");
  return check_userinfo(t, detail);
}

static int write_methods(const struct uvws__env *env, const struct uvws__socks *s,
                         struct uvws__bytes *out) {
  return s->target.userinfo ? uvws__bytes_append(env, out, "\x05\x02\x00\x02", 4)
                            : uvws__bytes_append(env, out, "\x05\x01\x00", 3);
}

int uvws__socks_begin(const struct uvws__env *env, struct uvws__socks *socks,
                      const struct uvws__socks_target *target, struct uvws__detail *detail,
                      struct uvws__bytes *out) {
  int err = check_target(target, detail);
  if (err) return err;
  socks->target = *target;
  socks->have = 0;
  socks->step = target->version == UVWS__SOCKS_5 ? AWAIT_METHOD : AWAIT_CONNECT_4;
  return target->version == UVWS__SOCKS_5 ? write_methods(env, socks, out)
                                          : write_connect_4(env, socks, out);
}

/* Replies */

/* How many bytes the reply under way has, as far as can be said from those that are there. */
static size_t reply_len(const struct uvws__socks *s) {
  switch (s->step) {
  case AWAIT_METHOD:
  case AWAIT_LOGIN:
    return 2;
  case AWAIT_CONNECT_4:
    return 8;
  default:
    break;
  }
  if (s->have < 5) return 5;
  if (s->reply[3] == TYPE_IPV4) return 4 + 4 + 2;
  if (s->reply[3] == TYPE_IPV6) return 4 + 16 + 2;
  return 4 + 1 + (size_t)s->reply[4] + 2;
}

static int fail_version(unsigned byte, struct uvws__detail *detail) {
  return uvws__fail(detail, UVWS_EPROXY, "the proxy's answer is not SOCKS, it begins with 0x%02x",
                    byte);
}

/* A reply that is wrong in its first bytes is refused before the rest is awaited. */
static int check_beginning(const struct uvws__socks *s, struct uvws__detail *detail) {
  static const uint8_t versions[] = {
      [AWAIT_METHOD] = 5, [AWAIT_LOGIN] = 1, [AWAIT_CONNECT] = 5, [AWAIT_CONNECT_4] = 0};
  if (s->reply[0] != versions[s->step]) return fail_version(s->reply[0], detail);
  if (s->step != AWAIT_CONNECT || s->have < 4) return 0;
  unsigned type = s->reply[3];
  /* A refusal is understood whatever its address is. */
  if (s->reply[1] || type == TYPE_IPV4 || type == TYPE_IPV6 || type == TYPE_NAME) return 0;
  return uvws__fail(detail, UVWS_EPROXY, "the SOCKS proxy's answer has an address of type %u",
                    type);
}

static int take_method(const struct uvws__env *env, struct uvws__socks *s,
                       struct uvws__detail *detail, struct uvws__bytes *out) {
  unsigned method = s->reply[1];
  if (method == METHOD_NONE) {
    s->step = AWAIT_CONNECT;
    return write_connect(env, s, out);
  }
  if (method == METHOD_LOGIN && s->target.userinfo) {
    s->step = AWAIT_LOGIN;
    return write_login(env, s, out);
  }
  if (method != METHOD_REFUSED)
    return uvws__fail(detail, UVWS_EPROXY, "the SOCKS proxy chose method %u, which was not offered",
                      method);
  return uvws__fail(detail, UVWS_EPROXY_AUTH, "the SOCKS proxy wants %s authentication",
                    s->target.userinfo ? "another" : "user and password or another");
}

static int take_login(const struct uvws__env *env, struct uvws__socks *s,
                      struct uvws__detail *detail, struct uvws__bytes *out) {
  if (s->reply[1])
    return uvws__fail(detail, UVWS_EPROXY_AUTH, "the SOCKS proxy refused user and password");
  s->step = AWAIT_CONNECT;
  return write_connect(env, s, out);
}

/* RFC 1928 6. */
static const char *refusal_5(unsigned code) {
  static const char *const texts[] = {NULL,
                                      "general failure",
                                      "not allowed by its rules",
                                      "network unreachable",
                                      "host unreachable",
                                      "connection refused",
                                      "time to live expired",
                                      "command not supported",
                                      "address type not supported"};
  return code < sizeof texts / sizeof *texts ? texts[code] : "unknown failure";
}

static int take_connect(struct uvws__socks *s, struct uvws__detail *detail) {
  unsigned code = s->reply[1];
  if (code)
    return uvws__fail(detail, UVWS_EPROXY, "the SOCKS proxy did not connect to %.100s: %s (%u)",
                      s->target.host, refusal_5(code), code);
  s->step = IS_DONE;
  return UVWS__SOCKS_DONE;
}

static int take_connect_4(struct uvws__socks *s, struct uvws__detail *detail) {
  unsigned code = s->reply[1];
  if (code == 92 || code == 93)
    return uvws__fail(detail, UVWS_EPROXY_AUTH, "the SOCKS4 proxy did not accept the user (%u)",
                      code);
  if (code != 90)
    return uvws__fail(detail, UVWS_EPROXY, "the SOCKS4 proxy did not connect to %.100s (%u)",
                      s->target.host, code);
  s->step = IS_DONE;
  return UVWS__SOCKS_DONE;
}

static int take_reply(const struct uvws__env *env, struct uvws__socks *s,
                      struct uvws__detail *detail, struct uvws__bytes *out) {
  s->have = 0;
  switch (s->step) {
  case AWAIT_METHOD:
    return take_method(env, s, detail, out);
  case AWAIT_LOGIN:
    return take_login(env, s, detail, out);
  case AWAIT_CONNECT:
    return take_connect(s, detail);
  default:
    return take_connect_4(s, detail);
  }
}

/* 1: the reply's code alone decides: the rest of a refusal may never come. */
static int is_refusal(const struct uvws__socks *s) {
  return s->step == AWAIT_CONNECT && s->have >= 2 && s->reply[1];
}

int uvws__socks_feed(const struct uvws__env *env, struct uvws__socks *socks, const uint8_t *data,
                     size_t len, struct uvws__detail *detail, struct uvws__bytes *out,
                     size_t *used) {
  *used = 0;
  while (*used < len && socks->step != IS_DONE) {
    socks->reply[socks->have++] = data[(*used)++];
    int result = check_beginning(socks, detail);
    if (!result && (socks->have >= reply_len(socks) || is_refusal(socks)))
      result = take_reply(env, socks, detail, out);
    if (result) return result;
  }
  return socks->step == IS_DONE ? UVWS__SOCKS_DONE : UVWS__SOCKS_MORE;
}
