/* The way through a proxy: which one, and the talk with it until bytes reach the server. */
#ifndef UVWS_CONN_TUNNEL_H
#define UVWS_CONN_TUNNEL_H

#include "io/lookup.h"
#include "io/tls.h"
#include "proto/proxy_uri.h"
#include "proto/socks.h"

struct uvws__conn;

struct uvws__tunnel {
  struct uvws__conn *conn;
  struct uvws__proxy proxy;
  struct uvws__tls_settings *tls; /* for an https proxy */
  struct uvws__socks socks;
  struct uvws__socks_target target;
  struct uvws__lookup lookup; /* of the server's name, for socks5 */
  int is_looking_up;
};

/* proxy.c: which proxy leads to `uri` by the caller's options and the environment. `*found` is 0
 * when none does. 0, UVWS_EOPTION or UV_ENOMEM. */
int uvws__proxy_choose(const struct uvws__env *env, const uvws_options_t *options,
                       const struct uvws__uri *uri, struct uvws__detail *detail,
                       struct uvws__proxy *out, int *found);

/* tunnel.c */

/* What the options say of proxies, judged. 0 or UVWS_EOPTION. */
int uvws__tunnel_check(const uvws_options_t *options, struct uvws__detail *detail);

/* For the URI that is to be opened: makes opening->tunnel, or leaves it NULL when the way is
 * direct. 0 or an error with `detail`. */
int uvws__tunnel_prepare(struct uvws__conn *c, struct uvws__detail *detail);
void uvws__tunnel_free(struct uvws__conn *c); /* none: nothing happens */

/* Before the proxy is dialled: look the server's name up where that is ours to do. 1: it is under
 * way, and uvws__conn_dial follows; 0: nothing to do; UV_ENOMEM. */
int uvws__tunnel_look_up(struct uvws__conn *c);

/* The transport to the proxy is connected. uvws__conn_tunnelled follows, or the connection fails.
 */
void uvws__tunnel_begin(struct uvws__conn *c);
void uvws__tunnel_on_ready(struct uvws__conn *c); /* TLS to the proxy is done */
void uvws__tunnel_receive(struct uvws__conn *c, const uint8_t *data, size_t len);
void uvws__tunnel_on_end(struct uvws__conn *c, int err, const char *detail);

#endif
