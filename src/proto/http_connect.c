/*
 * CONNECT (RFC 9110 9.3.6). Host names the same as the request target: a proxy may look at either.
 * The credentials for the proxy stay in this request: nothing of them goes through the tunnel.
 */
#include "proto/http_connect.h"

#include <string.h>

#include "proto/credentials.h"
#include "proto/token.h"

/* The tunnel's own, or such as would give the request a body. */
static const char *const refused_fields[] = {"Host",    "Content-Length", "Transfer-Encoding",
                                             "Trailer", "Expect",         "Upgrade"};

static int check_field(const uvws_header_t *header, struct uvws__detail *detail) {
  if (!uvws__is_token(header->name))
    return uvws__fail(detail, UVWS_EOPTION,
                      "proxy_headers: a name is not a token (RFC 9110 5.6.2)");
  for (size_t i = 0; i < sizeof refused_fields / sizeof *refused_fields; i++)
    if (uvws__ascii_equal(header->name, refused_fields[i]))
      return uvws__fail(detail, UVWS_EOPTION, "proxy_headers: %s may not be set",
                        refused_fields[i]);
  if (uvws__has_control(header->value))
    return uvws__fail(detail, UVWS_EOPTION,
                      "proxy_headers: %.64s has a control character in its value", header->name);
  return 0;
}

int uvws__connect_request_check(const uvws_header_t *headers, size_t count,
                                struct uvws__detail *detail) {
  for (size_t i = 0; i < count; i++) {
    int err = check_field(&headers[i], detail);
    if (err) return err;
  }
  return 0;
}

/* The first failure sticks. */
struct writer {
  const struct uvws__env *env;
  struct uvws__bytes *out;
  int err;
};

static void put_bytes(struct writer *w, const char *data, size_t len) {
  if (!w->err) w->err = uvws__bytes_append(w->env, w->out, data, len);
}

static void put(struct writer *w, const char *text) {
  put_bytes(w, text, strlen(text));
}

/* The port is never left out (RFC 9110 9.3.6). A zone id means something on this machine only. */
static void put_authority(struct writer *w, const struct uvws__connect_request *request) {
  char port[8];
  snprintf(port, sizeof port, ":%u", (unsigned)request->port);
  if (request->is_ipv6) put(w, "[");
  put_bytes(w, request->host, strcspn(request->host, "%"));
  if (request->is_ipv6) put(w, "]");
  put(w, port);
}

static int has_credentials(const struct uvws__connect_request *request) {
  for (size_t i = 0; i < request->header_count; i++)
    if (uvws__ascii_equal(request->headers[i].name, "Proxy-Authorization")) return 1;
  return 0;
}

int uvws__connect_request_write(const struct uvws__env *env,
                                const struct uvws__connect_request *request,
                                struct uvws__bytes *out) {
  struct writer w = {.env = env, .out = out};
  put(&w, "CONNECT ");
  put_authority(&w, request);
  put(&w, " HTTP/1.1\r\nHost: ");
  put_authority(&w, request);
  put(&w, "\r\n");
  if (request->userinfo && !has_credentials(request)) {
    put(&w, "Proxy-Authorization: ");
    if (!w.err) w.err = uvws__basic_append(env, request->userinfo, out);
    put(&w, "\r\n");
  }
  for (size_t i = 0; i < request->header_count; i++) {
    put(&w, request->headers[i].name);
    put(&w, ": ");
    put(&w, request->headers[i].value);
    put(&w, "\r\n");
  }
  put(&w, "\r\n");
  return w.err;
}
