/*
 * What the files of the TLS transport share. Bytes from below pass: lower -> `in` -> BIO -> OpenSSL
 * -> the owner's memory. Bytes to below: the owner's -> OpenSSL -> BIO -> `out` -> lower.
 *
 *   tls.c           opening, handshake, closing
 *   tls_read.c      what comes in, with a stash for what the owner does not want yet
 *   tls_write.c     what goes out, in few writes
 *   tls_bio.c       OpenSSL's end of `in` and `out`
 *   tls_verify.c    is this certificate the peer's, and why not
 *   tls_error.c     OpenSSL's other errors in our numbers and in words
 *   tls_staple.c    is it revoked, by the server's stapled answer
 *   tls_pin.c       is its key one that the caller knows
 *   tls_info.c      what was agreed, for the caller
 *   tls_settings.c  settings by options, kept and shared
 *   tls_configure.c SSL_CTX from options
 *   tls_identity.c  our own certificate
 *   tls_sessions.c  sessions to resume
 *
 * User code never runs inside a call of OpenSSL: owners are called between two of them.
 */
#ifndef UVWS_IO_TLS_INTERNAL_H
#define UVWS_IO_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "io/tls.h"

#define UVWS__TLS_CIPHER_LEN 65536 /* read from below at once */
#define UVWS__TLS_RECORD_LEN 16384 /* the most plain bytes in a record (RFC 8446 5.1) */
/* Sealed bytes that are enough for a write: fewer and larger ones cost less (bench/README.md).
 * Those of 15 whole records fit into 256 KiB, 16 would need a buffer of twice the size. */
#define UVWS__TLS_GATHER_LEN ((size_t)15 * UVWS__TLS_RECORD_LEN)
#define UVWS__TLS_CHOKE_LEN 65536 /* that OpenSSL may have to say while a write is stuck */

#define UVWS__TLS_DIGEST_LEN 32 /* SHA-256 */
#define UVWS__TLS_ALPN_MAX 256  /* all names together, each with its length before it */

struct uvws__tls_session;

/* Sessions to resume, the newest first. */
struct uvws__tls_sessions {
  struct uvws__tls_session *first;
  unsigned count;
};

struct uvws__tls_settings {
  const struct uvws__env *env;
  SSL_CTX *ctx;
  unsigned refs;
  int is_verifying; /* the chain and the name */
  int is_resuming;
  struct uvws__tls_settings *next;   /* in its cache */
  uint8_t key[UVWS__TLS_DIGEST_LEN]; /* of all options, to compare */
  struct uvws__tls_sessions sessions;
  uint8_t (*pins)[UVWS__TLS_DIGEST_LEN];
  size_t pin_count;
  uint8_t alpn[UVWS__TLS_ALPN_MAX]; /* as it goes over the wire (RFC 7301 3.1) */
  size_t alpn_len;
  uv_file keylog; /* -1: none */
};

/* An error and its words, while somebody between them might touch OpenSSL's error queue. */
struct uvws__tls_failure {
  int err;
  struct uvws__detail detail;
};

/* What only the handshake needs. */
struct uvws__tls_handshake {
  struct uvws__tls_failure verdict; /* what the verification found wrong */
  int reason;                       /* the same in OpenSSL's number */
  char *host;                       /* without an IPv6 zone or the root's dot */

  /* The owner's judgement, given between two calls of OpenSSL. */
  int (*on_verify)(void *owner, int err, const char *message, const uvws_tls_info_t *info);
  STACK_OF(X509) * shown; /* by the server: while the owner is to be asked */
  int is_judged;          /* the owner was asked, the verdict is its own */
};

enum uvws__tls_state { UVWS__TLS_SECURING, UVWS__TLS_OPEN, UVWS__TLS_CLOSED };

struct uvws__tls_later;

struct uvws__tls {
  struct uvws__transport base;
  const struct uvws__env *env;
  struct uvws__tls_settings *settings;
  struct uvws__tls_scratch *scratch;
  struct uvws__transport *lower; /* NULL once it is closed */
  SSL *ssl;
  enum uvws__tls_state state;
  struct uvws__tls_handshake *handshake; /* NULL once it is done */
  char *session_name;                    /* whose sessions; NULL: they are not kept */

  /* Reading. */
  const uint8_t *in; /* what OpenSSL has not taken yet: in the scratch during an event of `lower`,
                        in the stash otherwise */
  size_t in_len;
  uint8_t *stash;
  struct uvws__tls_later *later; /* a call from the loop that is due */
  unsigned later_count;          /* handles of such calls that are not closed yet */
  int lower_err;                 /* why `lower` ended; 0: it did not */
  int is_reading;                /* the owner wants to */
  int is_lower_reading;
  int is_advancing; /* uvws__tls_advance is at work and looks at is_reading again */
  int is_ended;     /* on_end was called */

  /* Writing. */
  struct uvws__bytes out;    /* sealed, to be written */
  struct uvws__bytes flying; /* sealed, with `lower` until its on_written */
  const uv_buf_t *bufs;      /* what is left of the owner's write */
  unsigned buf_count;
  size_t buf_done;      /* bytes of bufs[0] that are sealed */
  uv_buf_t *bufs_copy;  /* of `bufs`, while a write is under way */
  int is_writing;       /* on_written is owed */
  int is_shutting_down; /* `lower` is to be shut down behind what is left to write */
  int is_lower_shut;    /* it was: nothing may be written any more */
  int is_broken;        /* OpenSSL failed: nothing more can be sealed */
  int write_err;        /* what `lower` or the memory answered; 0: all is well */
};

/* tls.c */
void uvws__tls_close(struct uvws__tls *t);
void uvws__tls_maybe_gone(struct uvws__tls *t); /* on_closed once nothing is left open */
void uvws__tls_shake(struct uvws__tls *t);      /* go on with the handshake */
/* on_end, unless there was one. `t` may be closed behind it. */
void uvws__tls_end(struct uvws__tls *t, int err, const char *detail);

/* tls_read.c */
extern const struct uvws__transport_events uvws__tls_lower_events;
int uvws__tls_read_start(struct uvws__transport *base);
void uvws__tls_read_stop(struct uvws__transport *base);
/* Do what can be done with `in`; then keep what is left. Only from the loop. */
void uvws__tls_advance(struct uvws__tls *t);
/* Make `lower` read or not, as is due now. 0 or the error of its read_start. */
int uvws__tls_follow_reading(struct uvws__tls *t);
void uvws__tls_cancel_later(struct uvws__tls *t);

/* tls_write.c */
int uvws__tls_write(struct uvws__transport *base, const uv_buf_t *bufs, unsigned count);
size_t uvws__tls_unsent(const struct uvws__transport *base);
void uvws__tls_shutdown(struct uvws__transport *base);
/* Hand `out` to `lower`, unless a write is under way. Answers as ops->write does. */
int uvws__tls_flush(struct uvws__tls *t);
void uvws__tls_on_lower_written(struct uvws__tls *t, int status);
int uvws__tls_is_choked(const struct uvws__tls *t); /* the peer does not take our answers */
void uvws__tls_drop_output(struct uvws__tls *t);

/* tls_bio.c */
BIO *uvws__tls_bio_new(struct uvws__tls *t);

/* tls_verify.c */
int uvws__tls_verify_host(SSL *ssl, const char *host, int is_verifying); /* 0 or an error */
int uvws__tls_on_verify(int is_good, X509_STORE_CTX *store);
int uvws__tls_on_certificate(X509_STORE_CTX *store, void *arg);
/* Ask the owner. 0, or UV_ENOMEM when it could not be asked; the transport may be closed behind it.
 */
int uvws__tls_ask_owner(struct uvws__tls *t);

/* tls_staple.c: OpenSSL asks when the server's certificate has been verified. */
int uvws__tls_on_staple(SSL *ssl, void *arg);

/* tls_pin.c */
int uvws__tls_pins_parse(struct uvws__tls_settings *s, const char *text,
                         struct uvws__detail *detail);
int uvws__tls_key_digest(X509 *certificate, uint8_t out[UVWS__TLS_DIGEST_LEN]); /* 0: failed */
int uvws__tls_is_pinned(const struct uvws__tls_settings *s, X509 *certificate);

/* tls_info.c. Of the certificates in `shown`; the session itself is told when it is secured. */
int uvws__tls_info_of(const struct uvws__env *env, SSL *ssl, STACK_OF(X509) * shown,
                      struct uvws__tls_info **out);
void uvws__tls_time_text(const ASN1_TIME *time, char *out, size_t cap);

/* tls_configure.c */
int uvws__tls_configure(struct uvws__tls_settings *s, const struct uvws__tls_options *o,
                        struct uvws__detail *detail);
/* Something that OpenSSL could not use: name the option, the file (NULL: memory) and the reason. */
int uvws__tls_unusable(struct uvws__detail *detail, const char *option, const char *path,
                       const char *kind);

/* tls_identity.c */
int uvws__tls_identity_check(const struct uvws__tls_options *o, struct uvws__detail *detail);
int uvws__tls_identity_load(SSL_CTX *ctx, const struct uvws__tls_options *o,
                            struct uvws__detail *detail);

/* tls_sessions.c */
void uvws__tls_sessions_deinit(struct uvws__tls_settings *s);
void uvws__tls_sessions_offer(struct uvws__tls *t); /* in the handshake that is about to begin */
int uvws__tls_on_new_session(SSL *ssl, SSL_SESSION *session);

/* tls_error.c */
/* After a call of OpenSSL that failed for good: what happened, in `out`. */
void uvws__tls_explain(struct uvws__tls *t, struct uvws__tls_failure *out);
/* The oldest error in OpenSSL's queue in a few words. */
void uvws__tls_queue_text(char *out, size_t cap);

#endif
