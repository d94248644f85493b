/*
 * Through a proxy: HTTP CONNECT (RFC 9110 9.3.6), in TLS or not, SOCKS5 (RFC 1928, 1929) and 4a.
 *
 * The connection itself talks with the proxy, over the transport that leads there, and when both
 * have agreed that transport carries the tunnel's bytes as it is: a tunnel costs nothing once it
 * stands. Neither a TLS nor an HTTP server speaks before it is spoken to, so a byte behind the
 * proxy's agreement comes from the proxy, and ends the connection.
 */
#include "conn/conn.h"

#include <string.h>

#include "io/address.h"
#include "proto/http_connect.h"

static const char *proxy_host(const struct uvws__conn *c) {
  return c->opening->tunnel->proxy.uri.host;
}

static int is_http(const struct uvws__tunnel *t) {
  return t->proxy.kind == UVWS__PROXY_HTTP || t->proxy.kind == UVWS__PROXY_HTTPS;
}

/*
 * Before
 */

int uvws__tunnel_check(const uvws_options_t *options, struct uvws__detail *detail) {
  if (options->socket_path && options->proxy)
    return uvws__fail(detail, UVWS_EOPTION, "proxy: socket_path leads to the server without one");
  return uvws__connect_request_check(options->proxy_headers, options->proxy_header_count, detail);
}

static int prepare_tls(struct uvws__conn *c, struct uvws__tunnel *t, struct uvws__detail *detail) {
  struct uvws__tls_options tls = {.ca_file = c->opening->options->proxy_ca_file};
  struct uvws__detail why = {{0}};
  int err = uvws__tls_settings_get(&c->ctx->env, &c->ctx->tls_cache, &tls, &why, &t->tls);
  return err ? uvws__fail(detail, err, "proxy_ca_file: %s", why.text) : 0;
}

static void fill_target(const struct uvws__conn *c, struct uvws__tunnel *t) {
  const struct uvws__opening *o = c->opening;
  struct uvws__socks_target *target = &t->target;
  union uvws__address address;
  target->version = t->proxy.kind == UVWS__PROXY_SOCKS4A ? UVWS__SOCKS_4A : UVWS__SOCKS_5;
  target->host = o->uri.host;
  target->port = o->port;
  target->userinfo = t->proxy.uri.userinfo;
  if (uvws__address_parse(o->uri.host, o->port, &address))
    target->ip_len = uvws__address_bytes(&address, target->ip);
}

int uvws__tunnel_prepare(struct uvws__conn *c, struct uvws__detail *detail) {
  struct uvws__opening *o = c->opening;
  struct uvws__proxy proxy;
  int found;
  int err = uvws__proxy_choose(&c->ctx->env, o->options, &o->uri, detail, &proxy, &found);
  if (err || !found) return err;
  struct uvws__tunnel *t = uvws__calloc(&c->ctx->env, sizeof *t);
  if (!t) {
    uvws__proxy_deinit(&c->ctx->env, &proxy);
    return UV_ENOMEM;
  }
  t->conn = c;
  t->proxy = proxy;
  o->tunnel = t;
  fill_target(c, t);
  return proxy.kind == UVWS__PROXY_HTTPS ? prepare_tls(c, t, detail) : 0;
}

void uvws__tunnel_free(struct uvws__conn *c) {
  struct uvws__tunnel *t = c->opening->tunnel;
  if (!t) return;
  uvws__tls_settings_release(t->tls);
  uvws__proxy_deinit(&c->ctx->env, &t->proxy);
  uvws__free(&c->ctx->env, t);
  c->opening->tunnel = NULL;
}

/* The first address, which getaddrinfo thinks the best (RFC 6724): a SOCKS proxy takes one. */
static int take_address(struct uvws__tunnel *t, const struct addrinfo *list) {
  struct uvws__address_walk walk;
  union uvws__address address;
  uvws__address_walk_init(&walk, list);
  if (!uvws__address_walk_next(&walk, t->target.port, &address)) return UV_EAI_NODATA;
  t->target.ip_len = uvws__address_bytes(&address, t->target.ip);
  return 0;
}

static void on_looked_up(void *arg, int err, const struct addrinfo *list) {
  struct uvws__tunnel *t = arg;
  struct uvws__conn *c = t->conn;
  struct uvws__detail detail = {{0}};
  t->is_looking_up = 0;
  if (c->state == CONN_CUT) {
    uvws__conn_end(c);
    return;
  }
  if (!err) err = take_address(t, list);
  if (err)
    uvws__explain(&detail, "cannot resolve host %.100s: %s", t->target.host, uv_strerror(err));
  else
    err = uvws__conn_dial(c, &detail);
  if (err) uvws__conn_fail(c, err, 0, detail.text);
}

int uvws__tunnel_look_up(struct uvws__conn *c) {
  struct uvws__tunnel *t = c->opening->tunnel;
  if (!t || t->proxy.kind != UVWS__PROXY_SOCKS5 || t->target.ip_len) return 0;
  int err =
      uvws__lookup_start(&t->lookup, &c->ctx->env, c->ctx->loop, t->target.host, on_looked_up, t);
  if (err) return err;
  t->is_looking_up = 1;
  return 1;
}

/*
 * The talk
 */

static void fail_with(struct uvws__conn *c, int err, const struct uvws__detail *detail) {
  uvws__conn_fail(c, err, 0, detail->text[0] ? detail->text : uvws_strerror(err));
}

/* Queue what is to be said; the caller flushes. 0 or UV_ENOMEM. */
static int say(struct uvws__conn *c, struct uvws__bytes *text) {
  int err = text->len ? uvws__pool_reserve(&c->ctx->pool, text->len) : 0;
  if (!err && text->len) uvws__chain_append(&c->out, &c->ctx->pool, text->data, text->len);
  return err;
}

static int write_connect(struct uvws__conn *c, struct uvws__bytes *text) {
  struct uvws__opening *o = c->opening;
  const struct uvws__connect_request request = {.host = o->uri.host,
                                                .is_ipv6 = o->uri.is_ipv6,
                                                .port = o->port,
                                                .userinfo = o->tunnel->proxy.uri.userinfo,
                                                .headers = o->options->proxy_headers,
                                                .header_count = o->options->proxy_header_count};
  int err = uvws__head_new(&c->ctx->env, o->options->max_head_size, &o->head);
  if (err) return err;
  uvws__head_expect_tunnel(o->head);
  return uvws__connect_request_write(&c->ctx->env, &request, text);
}

static void talk(struct uvws__conn *c) {
  struct uvws__tunnel *t = c->opening->tunnel;
  struct uvws__detail detail = {{0}};
  struct uvws__bytes text = {0};
  int err = is_http(t) ? write_connect(c, &text)
                       : uvws__socks_begin(&c->ctx->env, &t->socks, &t->target, &detail, &text);
  if (!err) err = say(c, &text);
  uvws__bytes_deinit(&c->ctx->env, &text);
  if (!err) err = c->transport->ops->read_start(c->transport);
  if (err)
    fail_with(c, err, &detail);
  else
    uvws__conn_flush(c);
}

/* The proxy's certificate is judged for the proxy's name, whatever may be skipped for the server.
 */
static void secure(struct uvws__conn *c) {
  struct uvws__tunnel *t = c->opening->tunnel;
  struct uvws__transport *lower = c->transport;
  c->transport = NULL;
  const struct uvws__tls_peer peer = {.host = proxy_host(c), .port = t->proxy.uri.port};
  int err = uvws__tls_open(&c->ctx->env, t->tls, &c->ctx->proxy_scratch, lower, &peer,
                           &uvws__conn_events, c, &c->transport);
  if (err) uvws__conn_fail(c, err, 0, uvws_strerror(err));
}

void uvws__tunnel_begin(struct uvws__conn *c) {
  uvws__conn_go(c, CONN_TUNNELLING);
  if (c->opening->tunnel->proxy.kind == UVWS__PROXY_HTTPS)
    secure(c);
  else
    talk(c);
}

void uvws__tunnel_on_ready(struct uvws__conn *c) {
  talk(c);
}

/*
 * The answer
 */

static void agreed(struct uvws__conn *c, size_t rest) {
  struct uvws__detail detail = {{0}};
  if (rest)
    uvws__explain(&detail, "the proxy %.100s sent %zu bytes behind its agreement", proxy_host(c),
                  rest);
  else if (c->out.len)
    uvws__explain(&detail, "the proxy %.100s agreed before it was asked", proxy_host(c));
  uvws__head_free(c->opening->head);
  c->opening->head = NULL;
  if (detail.text[0]) {
    uvws__conn_fail(c, UVWS_EPROXY, 0, detail.text);
    return;
  }
  c->transport->ops->read_stop(c->transport);
  uvws__conn_tunnelled(c);
}

static void refused(struct uvws__conn *c) {
  struct uvws__detail detail;
  int status = uvws__head_status(c->opening->head);
  /* 407 is the proxies' own; tinyproxy says 401, which to CONNECT can be nobody else's either. */
  int err = status == 407 || status == 401 ? UVWS_EPROXY_AUTH : UVWS_EPROXY;
  uvws__explain(&detail, "the proxy %.100s answered CONNECT with HTTP status %d", proxy_host(c),
                status);
  uvws__conn_fail(c, err, 0, detail.text);
}

/* What is wrong with an answer of a proxy's is the proxy's fault, not the server's. */
static int as_proxy_error(int err) {
  return err == UVWS_EHTTP ? UVWS_EPROXY : err;
}

static void receive_http(struct uvws__conn *c, const uint8_t *data, size_t len) {
  struct uvws__detail detail = {{0}};
  size_t used = 0;
  int answer = uvws__head_feed(c->opening->head, data, len, &detail, &used);
  if (answer == UVWS__HEAD_UPGRADED)
    agreed(c, len - used);
  else if (answer == UVWS__HEAD_REFUSED)
    refused(c);
  else if (answer < 0)
    fail_with(c, as_proxy_error(answer), &detail);
}

static void receive_socks(struct uvws__conn *c, const uint8_t *data, size_t len) {
  struct uvws__detail detail = {{0}};
  struct uvws__bytes text = {0};
  size_t used = 0;
  int answer =
      uvws__socks_feed(&c->ctx->env, &c->opening->tunnel->socks, data, len, &detail, &text, &used);
  if (answer == UVWS__SOCKS_MORE) {
    int err = say(c, &text);
    if (err) answer = err;
  }
  uvws__bytes_deinit(&c->ctx->env, &text);
  if (answer == UVWS__SOCKS_DONE)
    agreed(c, len - used);
  else if (answer < 0)
    fail_with(c, answer, &detail);
}

void uvws__tunnel_receive(struct uvws__conn *c, const uint8_t *data, size_t len) {
  if (is_http(c->opening->tunnel))
    receive_http(c, data, len);
  else
    receive_socks(c, data, len);
}

void uvws__tunnel_on_end(struct uvws__conn *c, int err, const char *detail) {
  struct uvws__detail words = {{0}};
  if (err == UV_EOF && c->opening->head) {
    int answer = uvws__head_end(c->opening->head, &words);
    if (answer == UVWS__HEAD_REFUSED)
      refused(c);
    else
      uvws__conn_fail(c, UVWS_EPROXY, 0, words.text);
    return;
  }
  if (err == UV_EOF)
    uvws__explain(&words, "the proxy %.100s hung up without an answer", proxy_host(c));
  else
    uvws__explain(&words, "proxy %.64s: %s", proxy_host(c), detail);
  uvws__conn_fail(c, err == UV_EOF ? UVWS_EPROXY : err, 0, words.text);
}
