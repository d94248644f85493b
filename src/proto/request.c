/*
 * The request of the opening handshake (RFC 6455 4.1): the caller's strings judged, the bytes
 * written. Nothing that could end a line, or turn the request into one with a body, gets through:
 * what a server or a proxy would read as a second request must not come out of an option.
 */
#include <assert.h>
#include <string.h>

#include "proto/credentials.h"
#include "proto/handshake.h"
#include "proto/token.h"

/* Fields that the handshake writes itself; Sec-WebSocket-* besides. */
static const char *const owned_fields[] = {"Upgrade", "Connection"};
/* Fields that would say that a body follows: the first frames would be taken for it. */
static const char *const body_fields[] = {"Content-Length", "Transfer-Encoding", "Trailer",
                                          "Expect"};
/* Fields that may not stand twice in a request. */
static const char *const single_fields[] = {"Host", "Origin", "Authorization"};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static int is_one_of(const char *name, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (uvws__ascii_equal(name, names[i])) return 1;
  return 0;
}

static const char *find_header(const struct uvws__request *request, size_t count,
                               const char *name) {
  for (size_t i = 0; i < count; i++)
    if (uvws__ascii_equal(request->headers[i].name, name)) return request->headers[i].value;
  return NULL;
}

static int check_name(const char *name, struct uvws__detail *detail) {
  if (!name || !uvws__is_token(name))
    return uvws__fail(detail, UVWS_EOPTION, "headers: a name is not a token (RFC 9110 5.6.2)");
  if (is_one_of(name, owned_fields, COUNT_OF(owned_fields)) ||
      uvws__ascii_begins(name, "Sec-WebSocket-"))
    return uvws__fail(detail, UVWS_EOPTION, "headers: %.64s belongs to the handshake itself", name);
  if (is_one_of(name, body_fields, COUNT_OF(body_fields)))
    return uvws__fail(detail, UVWS_EOPTION, "headers: %.64s would give the request a body", name);
  return 0;
}

/* Host is host and port (RFC 9110 7.2): what may stand in a URI's authority. */
static int is_host_value(const char *value) {
  return *value && value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789-._~:[]!$&'()*+;=%")] == '\0';
}

static int check_header(const struct uvws__request *request, size_t i,
                        struct uvws__detail *detail) {
  const char *name = request->headers[i].name;
  const char *value = request->headers[i].value;
  int err = check_name(name, detail);
  if (err) return err;
  if (!value) return uvws__fail(detail, UVWS_EOPTION, "headers: %.64s has no value", name);
  if (uvws__has_control(value))
    return uvws__fail(detail, UVWS_EOPTION, "headers: %.64s has a control character in its value",
                      name);
  if (is_one_of(name, single_fields, COUNT_OF(single_fields)) && find_header(request, i, name))
    return uvws__fail(detail, UVWS_EOPTION, "headers: %.64s is given twice", name);
  if (uvws__ascii_equal(name, "Host") && !is_host_value(value))
    return uvws__fail(detail, UVWS_EOPTION, "headers: Host is not a host and port");
  return 0;
}

static int check_protocol(const struct uvws__request *request, size_t i,
                          struct uvws__detail *detail) {
  const char *protocol = request->protocols[i];
  if (!protocol || !uvws__is_token(protocol))
    return uvws__fail(detail, UVWS_EOPTION, "protocols: number %zu is not a token (RFC 6455 4.1)",
                      i + 1);
  for (size_t j = 0; j < i; j++)
    if (strcmp(protocol, request->protocols[j]) == 0)
      return uvws__fail(detail, UVWS_EOPTION, "protocols: %.64s is given twice", protocol);
  return 0;
}

static int check_origin(const struct uvws__request *request, struct uvws__detail *detail) {
  if (!request->origin) return 0;
  if (!*request->origin) return uvws__fail(detail, UVWS_EOPTION, "origin: it is empty");
  if (uvws__has_control(request->origin))
    return uvws__fail(detail, UVWS_EOPTION, "origin: it has a control character in it");
  if (find_header(request, request->header_count, "Origin"))
    return uvws__fail(detail, UVWS_EOPTION, "origin: headers has an Origin too");
  return 0;
}

static int check_bearer(const struct uvws__request *request, struct uvws__detail *detail) {
  if (!request->bearer_token) return 0;
  if (!uvws__is_bearer_token(request->bearer_token))
    return uvws__fail(detail, UVWS_EOPTION, "bearer_token: it is not a token (RFC 6750 2.1)");
  if (find_header(request, request->header_count, "Authorization"))
    return uvws__fail(detail, UVWS_EOPTION, "bearer_token: headers has an Authorization too");
  if (request->uri->userinfo)
    return uvws__fail(detail, UVWS_EOPTION, "bearer_token: the URI has a user too");
  return 0;
}

int uvws__request_check(const struct uvws__request *request, struct uvws__detail *detail) {
  for (size_t i = 0; i < request->header_count; i++) {
    int err = check_header(request, i, detail);
    if (err) return err;
  }
  for (size_t i = 0; i < request->protocol_count; i++) {
    int err = check_protocol(request, i, detail);
    if (err) return err;
  }
  int err = check_bearer(request, detail);
  return err ? err : check_origin(request, detail);
}

/* Writing. The first failure sticks, so that the request reads as a list of its lines. */

struct writer {
  const struct uvws__env *env;
  struct uvws__bytes *out;
  int err;
};

static void put(struct writer *w, const char *text) {
  if (!w->err) w->err = uvws__bytes_append_str(w->env, w->out, text);
}

static void put_field(struct writer *w, const char *name, const char *value) {
  put(w, name);
  put(w, ": ");
  put(w, value);
  put(w, "\r\n");
}

/* RFC 6455 4.1 item 4. A zone id means something on this machine only (RFC 6874 4): left out. */
static void put_host(struct writer *w, const struct uvws__request *request) {
  const struct uvws__uri *uri = request->uri;
  put(w, uri->is_ipv6 ? "Host: [" : "Host: ");
  if (!w->err) w->err = uvws__bytes_append(w->env, w->out, uri->host, strcspn(uri->host, "%"));
  if (uri->is_ipv6) put(w, "]");
  if (request->port != uvws__uri_default_port(uri->is_secure)) {
    char port[8];
    snprintf(port, sizeof port, ":%u", (unsigned)request->port);
    put(w, port);
  }
  put(w, "\r\n");
}

static void put_protocols(struct writer *w, const struct uvws__request *request) {
  for (size_t i = 0; i < request->protocol_count; i++) {
    put(w, i ? ", " : "Sec-WebSocket-Protocol: ");
    put(w, request->protocols[i]);
  }
  if (request->protocol_count) put(w, "\r\n");
}

static void put_authorization(struct writer *w, const struct uvws__request *request) {
  if (!request->bearer_token && !request->uri->userinfo) return;
  put(w, "Authorization: ");
  if (request->bearer_token) {
    put(w, "Bearer ");
    put(w, request->bearer_token);
  } else if (!w->err) {
    w->err = uvws__basic_append(w->env, request->uri->userinfo, w->out);
  }
  put(w, "\r\n");
}

int uvws__request_write(const struct uvws__env *env, const struct uvws__request *request,
                        const char *key, struct uvws__bytes *out) {
  struct writer w = {.env = env, .out = out};
  assert(request->port);
  put(&w, "GET ");
  put(&w, request->uri->resource);
  put(&w, " HTTP/1.1\r\n");
  if (!find_header(request, request->header_count, "Host")) put_host(&w, request);
  put(&w, "Upgrade: websocket\r\nConnection: Upgrade\r\n");
  put_field(&w, "Sec-WebSocket-Key", key);
  put(&w, "Sec-WebSocket-Version: 13\r\n");
  put_protocols(&w, request);
  if (request->extensions) put_field(&w, "Sec-WebSocket-Extensions", request->extensions);
  if (request->origin) put_field(&w, "Origin", request->origin);
  if (!find_header(request, request->header_count, "Authorization")) put_authorization(&w, request);
  for (size_t i = 0; i < request->header_count; i++)
    put_field(&w, request->headers[i].name, request->headers[i].value);
  put(&w, "\r\n");
  return w.err;
}
