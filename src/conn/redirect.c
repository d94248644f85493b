/*
 * Following redirects (RFC 9110 15.4), up to max_redirects of them. A hop is a connection from the
 * beginning: its own name, its own choice of proxy, its own deadlines. The transport of the hop
 * before is closed first.
 */
#include "conn/conn.h"

#include <string.h>

#include "proto/redirect.h"

/* Decide where to go; the answer is whole. */
static int resolve(struct uvws__conn *c, const char *location, struct uvws__detail *detail) {
  struct uvws__opening *o = c->opening;
  if (o->redirects == o->options->max_redirects)
    return uvws__fail(detail, UVWS_EREDIRECT, "more than %u redirects (max_redirects)",
                      (unsigned)o->options->max_redirects);
  int err = uvws__redirect_resolve(&c->ctx->env, &o->uri, o->port, location, detail, &o->redirect);
  if (err) return err;
  if (o->options->socket_path && !uvws__is_same_origin(&o->uri, o->port, &o->redirect))
    return uvws__fail(detail, UVWS_EREDIRECT,
                      "the redirect leads away from the server behind socket_path");
  return 0;
}

int uvws__conn_redirect(struct uvws__conn *c) {
  struct uvws__detail detail = {{0}};
  if (!c->opening->options->max_redirects ||
      !uvws__is_redirect(uvws__head_status(c->opening->head)))
    return 0;
  const char *location = uvws__head_find(c->opening->head, "Location");
  if (!location) return 0;
  int err = resolve(c, location, &detail);
  if (err)
    uvws__conn_fail(c, err, 0, detail.text[0] ? detail.text : uvws_strerror(err));
  else
    uvws__conn_go(c, CONN_REDIRECTING);
  return 1;
}

/* What the caller gave for one origin stays with it: header fields, tokens, certificates and the
 * name that certificates were expected to have. */
static void forget_credentials(uvws_options_t *options) {
  options->headers = NULL;
  options->header_count = 0;
  options->bearer_token = NULL;
  options->cert_file = NULL;
  options->cert_pem = NULL;
  options->key_file = NULL;
  options->key_pem = NULL;
  options->pkcs12_file = NULL;
  options->key_password = NULL;
  options->on_key_password = NULL;
  options->server_name = NULL;
}

static void take_uri(struct uvws__conn *c) {
  struct uvws__opening *o = c->opening;
  if (uvws__is_same_origin(&o->uri, o->port, &o->redirect)) {
    o->redirect.userinfo = o->uri.userinfo;
    o->uri.userinfo = NULL;
  } else {
    forget_credentials(o->options);
  }
  uvws__uri_deinit(&c->ctx->env, &o->uri);
  o->uri = o->redirect;
  memset(&o->redirect, 0, sizeof o->redirect);
  o->port = o->uri.port ? o->uri.port : uvws__uri_default_port(o->uri.is_secure);
}

/* As before the first hop. */
static void start_over(struct uvws__conn *c) {
  struct uvws__opening *o = c->opening;
  uvws__chain_clear(&c->out, &c->ctx->pool);
  c->writing = 0;
  c->write_error = 0;
  uvws__head_free(o->head);
  o->head = NULL;
  uvws__tls_settings_release(o->tls);
  o->tls = NULL;
  o->is_secured = 0;
  c->is_tls = 0;
  uvws__tunnel_free(c);
}

void uvws__conn_follow_redirect(struct uvws__conn *c) {
  struct uvws__detail detail = {{0}};
  start_over(c);
  take_uri(c);
  c->opening->redirects++;
  c->opening->is_hop_closing = 0;
  int err = uvws__conn_hop(c, &detail);
  if (err) uvws__conn_fail(c, err, 0, detail.text[0] ? detail.text : uvws_strerror(err));
}
