/* From nothing to an open connection: connecting, securing, upgrading (RFC 6455 4.1). */
#include "conn/conn.h"

#include <stdlib.h>
#include <string.h>

static void fill_request(const struct uvws__opening *o, struct uvws__request *request) {
  const uvws_options_t *options = o->options;
  *request = (struct uvws__request){.uri = &o->uri,
                                    .port = o->port,
                                    .headers = options->headers,
                                    .header_count = options->header_count,
                                    .protocols = options->protocols,
                                    .protocol_count = options->protocol_count,
                                    .origin = options->origin,
                                    .bearer_token = options->bearer_token,
                                    .extensions = o->offer_text[0] ? o->offer_text : NULL};
}

static void fill_offer(struct uvws__opening *o) {
  const uvws_options_t *options = o->options;
  if (options->compression == UVWS_COMPRESSION_OFF || !uvws__deflate_is_available()) return;
  o->offer = (struct uvws__deflate_offer){
      .server_no_context_takeover = options->server_no_context_takeover,
      .client_no_context_takeover = options->client_no_context_takeover,
      .server_max_window_bits = options->server_max_window_bits,
      .client_max_window_bits = options->client_max_window_bits};
  uvws__extension_offer(&o->offer, o->offer_text);
}

static int check_server_name(const char *name, struct uvws__detail *detail) {
  for (const char *p = name; p && *p; p++)
    if ((unsigned char)*p <= ' ' || *p == 0x7F)
      return uvws__fail(detail, UVWS_EOPTION, "server_name has a space or control character in it");
  return 0;
}

/* Where the keys are to be logged; NULL: nowhere. */
static const char *keylog_file(const uvws_options_t *o) {
  if (o->keylog_file || !o->keylog_from_env) return o->keylog_file;
  const char *path = getenv("SSLKEYLOGFILE");
  return path && *path ? path : NULL;
}

/* Who was asked for a password may have closed or freed the client before it answered. */
static int is_called_off(const struct uvws__conn *c) {
  const uvws_t *ws = c->ws;
  return c->state == CONN_CUT || ws->is_freed || ws->is_called_off ||
         (ws->retry && ws->retry->is_over);
}

static int prepare_tls(struct uvws__conn *c, struct uvws__detail *detail) {
  const uvws_options_t *o = c->opening->options;
  struct uvws__tls_options tls = {.min = o->tls ? o->tls : o->tls_min,
                                  .max = o->tls ? o->tls : o->tls_max,
                                  .ca_file = o->ca_file,
                                  .ca_path = o->ca_path,
                                  .cert_file = o->cert_file,
                                  .ca_pem = o->ca_pem,
                                  .cert_pem = o->cert_pem,
                                  .key_file = o->key_file,
                                  .key_pem = o->key_pem,
                                  .key_password = o->key_password,
                                  .pkcs12_file = o->pkcs12_file,
                                  .on_key_password =
                                      o->on_key_password ? uvws__deliver_password : NULL,
                                  .asked = c,
                                  .asked_id = c->ws->id,
                                  .ciphers = o->ciphers,
                                  .ciphersuites = o->ciphersuites,
                                  .alpn = o->alpn,
                                  .pinned_public_key = o->pinned_public_key,
                                  .crl_file = o->crl_file,
                                  .keylog_file = keylog_file(o),
                                  .require_ocsp_staple = o->require_ocsp_staple,
                                  .no_session_resumption = o->no_session_resumption,
                                  .insecure_skip_verify = o->insecure_skip_verify};
  int err =
      uvws__tls_settings_get(&c->ctx->env, &c->ctx->tls_cache, &tls, detail, &c->opening->tls);
  return !err && is_called_off(c) ? UV_ECANCELED : err;
}

static void secure(struct uvws__conn *c) {
  struct uvws__opening *o = c->opening;
  const struct uvws__tls_peer peer = {
      .host = o->options->server_name ? o->options->server_name : o->uri.host,
      .port = o->port,
      .on_verify = o->options->on_verify ? uvws__deliver_verify : NULL};
  struct uvws__transport *lower = c->transport;
  c->transport = NULL;
  uvws__conn_go(c, CONN_SECURING);
  int err = uvws__tls_open(&c->ctx->env, o->tls, &c->ctx->tls_scratch, lower, &peer,
                           &uvws__conn_events, c, &c->transport);
  if (err) uvws__conn_fail(c, err, 0, uvws_strerror(err));
}

static void upgrade(struct uvws__conn *c) {
  struct uvws__opening *o = c->opening;
  struct uvws__request request;
  struct uvws__bytes text = {0};
  uvws__conn_go(c, CONN_UPGRADING);
  fill_request(o, &request);
  int err = uvws__request_write(&c->ctx->env, &request, o->key, &text);
  if (!err) err = uvws__pool_reserve(&c->ctx->pool, text.len);
  if (!err) err = uvws__head_new(&c->ctx->env, o->options->max_head_size, &o->head);
  if (!err) uvws__trace_request(c->ws, text.data, text.len);
  if (!err) uvws__chain_append(&c->out, &c->ctx->pool, text.data, text.len);
  uvws__bytes_deinit(&c->ctx->env, &text);
  if (!err) err = c->transport->ops->read_start(c->transport);
  if (err)
    uvws__conn_fail(c, err, 0, uvws_strerror(err));
  else
    uvws__conn_flush(c);
}

void uvws__conn_on_secured(struct uvws__conn *c) {
  c->opening->is_secured = 1;
  c->is_tls = 1;
  upgrade(c);
}

/* What carries a tunnel, or came connected: on to TLS or HTTP. */
void uvws__conn_tunnelled(struct uvws__conn *c) {
  if (c->opening->uri.is_secure)
    secure(c);
  else
    upgrade(c);
}

static void on_dialled(void *arg, int err, struct uvws__transport *transport, const char *detail) {
  struct uvws__conn *c = arg;
  c->opening->dial = NULL;
  if (transport) {
    transport->events = &uvws__conn_events;
    transport->owner = c;
    c->transport = transport;
  }
  if (c->state == CONN_CUT) {
    if (transport)
      transport->ops->close(transport);
    else
      uvws__conn_end(c);
  } else if (err) {
    uvws__conn_fail(c, err, 0, detail);
  } else if (c->opening->tunnel) {
    uvws__tunnel_begin(c);
  } else {
    uvws__conn_tunnelled(c);
  }
}

int uvws__conn_dial(struct uvws__conn *c, struct uvws__detail *detail) {
  struct uvws__opening *o = c->opening;
  const struct uvws__proxy *proxy = o->tunnel ? &o->tunnel->proxy : NULL;
  union uvws__address local;
  struct uvws__dial_options dial = {.host = proxy ? proxy->uri.host : o->uri.host,
                                    .port = proxy ? proxy->uri.port : o->port,
                                    .socket_path = o->options->socket_path,
                                    .keep_alive_s = o->options->tcp_keepalive_s,
                                    .attempt_timeout_ms = o->options->attempt_timeout_ms,
                                    .on_resolved = uvws__conn_on_resolved};
  if (o->options->local_address && uvws__address_parse(o->options->local_address, 0, &local))
    dial.local = &local;
  int err = c->ctx->dial_start(&c->ctx->env, c->ctx->loop, &c->ctx->deadlines, &dial, on_dialled, c,
                               &o->dial);
  return err ? uvws__fail(detail, err, "cannot connect to %.100s: %s", dial.host,
                          uvws_strerror(err))
             : 0;
}

/* Judged once, before anything is opened. */
static int check_way(const uvws_options_t *options, struct uvws__detail *detail) {
  union uvws__address local;
  if (options->local_address && !uvws__address_parse(options->local_address, 0, &local))
    return uvws__fail(detail, UVWS_EOPTION, "local_address: %.64s is not an IP address",
                      options->local_address);
  if (options->socket_path && !*options->socket_path)
    return uvws__fail(detail, UVWS_EOPTION, "socket_path: it is empty");
  return uvws__tunnel_check(options, detail);
}

int uvws__conn_hop(struct uvws__conn *c, struct uvws__detail *detail) {
  struct uvws__opening *o = c->opening;
  int err = uvws__tunnel_prepare(c, detail);
  if (!err && o->uri.is_secure) err = prepare_tls(c, detail);
  if (!err) err = uvws__key_make(&c->ctx->env, o->key);
  if (err) return err;
  int answer = uvws__tunnel_look_up(c);
  if (answer == 0) answer = uvws__conn_dial(c, detail);
  if (answer < 0) return answer;
  uvws__conn_go(c, CONN_CONNECTING);
  return 0;
}

int uvws__conn_connect(struct uvws__conn *c, struct uvws__detail *detail) {
  struct uvws__opening *o = c->opening;
  const struct uvws__env *env = &c->ctx->env;
  struct uvws__request request;
  if (!o->options->uri) return uvws__fail(detail, UVWS_EURI, "uri is missing");
  int err = uvws__uri_parse(env, o->options->uri, detail, &o->uri);
  if (err) return err;
  o->port = o->options->port ? o->options->port : o->uri.port;
  if (!o->port) o->port = uvws__uri_default_port(o->uri.is_secure);
  fill_offer(o);
  fill_request(o, &request);
  err = uvws__request_check(&request, detail);
  if (!err) err = check_server_name(o->options->server_name, detail);
  if (!err) err = check_way(o->options, detail);
  return err ? err : uvws__conn_hop(c, detail);
}

static void refuse(struct uvws__conn *c) {
  struct uvws__detail detail;
  if (uvws__conn_redirect(c)) return;
  uvws__explain(&detail, "the server answered the WebSocket handshake with HTTP status %d",
                uvws__head_status(c->opening->head));
  uvws__conn_fail(c, UVWS_EHTTP_STATUS, 0, detail.text);
}

static int accept_answer(struct uvws__conn *c, struct uvws__detail *detail) {
  struct uvws__opening *o = c->opening;
  struct uvws__request request;
  const char *extensions;
  fill_request(o, &request);
  int err = uvws__answer_check(o->head, &request, o->key, detail, &c->protocol, &extensions);
  if (!err && extensions)
    err = uvws__extension_answer(extensions, &o->offer, detail, &c->inbound.terms);
  if (!err) uvws__head_take_fields(o->head, &c->answer);
  return err;
}

void uvws__conn_upgrade(struct uvws__conn *c, const uint8_t *data, size_t len) {
  struct uvws__detail detail = {{0}};
  size_t used = 0;
  int answer = uvws__head_feed(c->opening->head, data, len, &detail, &used);
  if (answer == UVWS__HEAD_MORE) return;
  uvws__trace_answer(c);
  if (answer == UVWS__HEAD_REFUSED) {
    refuse(c);
    return;
  }
  if (answer == UVWS__HEAD_UPGRADED) answer = accept_answer(c, &detail);
  if (answer < 0) {
    uvws__conn_fail(c, answer, 0, detail.text);
    return;
  }
  uvws__conn_go(c, CONN_OPEN);
  uvws__conn_send_waiting(c);
  uvws__deliver_open(c);
  if (used < len) uvws__conn_receive(c, data + used, len - used);
}

int uvws__conn_upgrade_end(struct uvws__conn *c) {
  struct uvws__detail detail = {{0}};
  int answer = uvws__head_end(c->opening->head, &detail);
  if (answer == UVWS__HEAD_REFUSED)
    refuse(c);
  else
    uvws__conn_fail(c, answer < 0 ? answer : UVWS_EHTTP, 0, detail.text);
  return 1;
}
