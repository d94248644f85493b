/*
 * Sessions to resume, so that a second connection to a server spares both ends the certificates
 * (RFC 8446 2.2, RFC 5077). They are kept with the settings that they were made with, since what
 * these judged is not judged again: neither certificate nor pin nor staple.
 *
 * A ticket of TLS 1.3 is used once, so that nobody on the way can tell by it that two connections
 * are the same client's (RFC 8446 C.4); a session of TLS 1.2 as often as the server likes.
 */
#include <string.h>
#include <time.h>

#include "io/tls_internal.h"

#define SESSION_MAX 256
#define SERVER_SESSION_MAX 128 /* a crowd that connects at once takes one each */

struct uvws__tls_session {
  struct uvws__tls_session *next;
  SSL_SESSION *session;
  char name[];
};

static void session_free(const struct uvws__tls_settings *s, struct uvws__tls_session *entry) {
  SSL_SESSION_free(entry->session);
  uvws__free(s->env, entry);
}

/* The entry at `at` leaves the list. */
static struct uvws__tls_session *unlink_entry(struct uvws__tls_sessions *sessions,
                                              struct uvws__tls_session **at) {
  struct uvws__tls_session *entry = *at;
  *at = entry->next;
  sessions->count--;
  return entry;
}

void uvws__tls_sessions_deinit(struct uvws__tls_settings *s) {
  while (s->sessions.first)
    session_free(s, unlink_entry(&s->sessions, &s->sessions.first));
}

/* The oldest of `name` beyond its share, and the oldest of all beyond the whole. */
static void make_room(struct uvws__tls_settings *s, const char *name) {
  unsigned of_name = 0;
  for (struct uvws__tls_session **at = &s->sessions.first; *at;) {
    of_name += strcmp((*at)->name, name) == 0;
    if (of_name >= SERVER_SESSION_MAX || (s->sessions.count >= SESSION_MAX && !(*at)->next))
      session_free(s, unlink_entry(&s->sessions, at));
    else
      at = &(*at)->next;
  }
}

/* A resumed session is not verified anew, so it ends with the certificate that it stands for. */
static int is_usable(const SSL_SESSION *session) {
  X509 *certificate = SSL_SESSION_get0_peer((SSL_SESSION *)session);
  if (!SSL_SESSION_is_resumable(session)) return 0;
  if (certificate && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) return 0;
  return (long)time(NULL) - SSL_SESSION_get_time(session) < SSL_SESSION_get_timeout(session);
}

static int is_for_one_use(const SSL_SESSION *session) {
  return SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION;
}

static struct uvws__tls_session **find(struct uvws__tls_settings *s, const char *name) {
  struct uvws__tls_session **at = &s->sessions.first;
  while (*at) {
    if (strcmp((*at)->name, name) != 0)
      at = &(*at)->next;
    else if (is_usable((*at)->session))
      return at;
    else
      session_free(s, unlink_entry(&s->sessions, at));
  }
  return NULL;
}

void uvws__tls_sessions_offer(struct uvws__tls *t) {
  struct uvws__tls_session **at = t->session_name ? find(t->settings, t->session_name) : NULL;
  if (!at) return;
  SSL_set_session(t->ssl, (*at)->session); /* without it the handshake is a whole one */
  if (is_for_one_use((*at)->session))
    session_free(t->settings, unlink_entry(&t->settings->sessions, at));
}

/* Answers whether the reference is ours now. Without memory the session is not kept. */
int uvws__tls_on_new_session(SSL *ssl, SSL_SESSION *session) {
  struct uvws__tls *t = SSL_get_app_data(ssl);
  if (!t || !t->session_name || t->state == UVWS__TLS_CLOSED) return 0;
  struct uvws__tls_settings *s = t->settings;
  size_t size = strlen(t->session_name) + 1;
  make_room(s, t->session_name);
  struct uvws__tls_session *entry = uvws__alloc(s->env, sizeof *entry + size);
  if (!entry) return 0;
  entry->session = session;
  memcpy(entry->name, t->session_name, size);
  entry->next = s->sessions.first;
  s->sessions.first = entry;
  s->sessions.count++;
  return 1;
}
