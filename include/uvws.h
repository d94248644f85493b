/*
 * uvws: an asynchronous WebSocket client (RFC 6455) on the caller's libuv loop.
 *
 * The rules that every function and callback here obeys, the callback law:
 *
 *   1. A call that returns an error (a negative number) fires no callback for that call.
 *   2. A call that returns success fires its callback exactly once, and never from inside the call.
 * (Two that are asked or told in the middle of things say so: uvws_password_cb, uvws_trace_cb.)
 *   3. For every uvws_connect that returned 0: at most one on_open, at most one on_error, then
 * exactly one on_close. on_close is the last: nothing fires behind it until the next uvws_connect.
 * (With options.reconnect a uvws_connect stands for all its attempts, and on_open may come again.)
 *   4. A callback may call anything here, uvws_connect (from on_close) and uvws_free included.
 *   5. Everything happens on the thread that runs the loop; nothing here may be called from
 * another, but for uvws_async_send, uvws_async_close, uvws_async_free and what takes no object.
 *
 * Pointers say who owns what: "borrowed" (the library's, valid until the time named), "copied" (the
 * library takes a copy before the call returns), "owned" (ownership changes hands).
 *
 * Signals: when the first connection of the process is made, SIGPIPE is ignored if its action is
 * still the default one, which would end the process when a peer resets a connection that is being
 * written to (libuv's writes do not suppress it). An action that the application has set stays.
 *
 * Units: times in milliseconds, sizes in bytes. Errors are negative and share one number line with
 * libuv's: uvws_strerror and uvws_err_name answer for both.
 */
#ifndef UVWS_H
#define UVWS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#if defined(UVWS_BUILDING)
#define UVWS_API __declspec(dllexport)
#else
#define UVWS_API
#endif
#elif defined(__GNUC__)
#define UVWS_API __attribute__((visibility("default")))
#else
#define UVWS_API
#endif

#define UVWS_VERSION_MAJOR 0
#define UVWS_VERSION_MINOR 1
#define UVWS_VERSION_PATCH 0

struct uv_loop_s;

/* What ties clients to one loop: the shared read buffer, pools, timers, prepared TLS settings. */
typedef struct uvws_context uvws_context_t;

/* A client: one WebSocket connection at a time, as often as you like one after the other. */
typedef struct uvws uvws_t;

/* What reconnection says and how it is done; see "Reconnection" below. */
typedef struct uvws_retry uvws_retry_t;
typedef struct uvws_reconnect uvws_reconnect_t;

/*
 * Errors. Calls also return libuv's (UV_ENOMEM, UV_EINVAL, UV_ECONNREFUSED, UV_EAI_NONAME, ...).
 * X(NAME, number, text)
 */
#define UVWS_ERROR_MAP(X)                                                                          \
  X(ENOTOPEN, -20001, "the connection is not open")                                                \
  X(EBUSY, -20002, "the client is connected or connecting; wait for on_close")                     \
  X(EURI, -20003, "bad WebSocket URI")                                                             \
  X(EOPTION, -20004, "bad option")                                                                 \
  X(EQUEUEFULL, -20005, "the send queue is full; try again after on_drain")                        \
  X(ECLOSECODE, -20006, "close code or reason not allowed (RFC 6455 7.4)")                         \
  X(ECONNECT_TIMEOUT, -20007, "no connection within connect_timeout_ms")                           \
  X(EHANDSHAKE_TIMEOUT, -20008, "no handshake within handshake_timeout_ms")                        \
  X(ECLOSE_TIMEOUT, -20009, "no close by the peer within close_timeout_ms")                        \
  X(EHTTP, -20010, "the server's answer is not HTTP/1.1")                                          \
  X(EHTTP_STATUS, -20011, "the server refused the WebSocket handshake")                            \
  X(EHEAD_TOO_LARGE, -20012, "the response head is larger than max_head_size")                     \
  X(EHANDSHAKE, -20013, "the server's handshake answer breaks RFC 6455 4.1")                       \
  X(EPROTOCOL, -20014, "the peer broke the WebSocket protocol")                                    \
  X(EUTF8, -20015, "the peer sent text that is not UTF-8")                                         \
  X(EMESSAGE_TOO_BIG, -20016, "a message is larger than max_message_size")                         \
  X(ETOO_MANY_FRAGMENTS, -20017, "a message has more fragments than max_fragments")                \
  X(ELOST, -20018, "the connection ended without a closing handshake")                             \
  X(ETLS, -20019, "TLS failed")                                                                    \
  X(ETLS_VERSION, -20020, "no TLS version in common with the server")                              \
  X(ETLS_TRUNCATED, -20021, "the TLS stream ended without close_notify")                           \
  X(ETLS_UNAVAILABLE, -20022, "this build of uvws has no TLS")                                     \
  X(ECERT, -20023, "the server's certificate was not accepted")                                    \
  X(ECERT_EXPIRED, -20024, "the server's certificate has expired")                                 \
  X(ECERT_NOT_YET_VALID, -20025, "the server's certificate is not valid yet")                      \
  X(ECERT_HOSTNAME, -20026, "the server's certificate is for another host")                        \
  X(ECERT_SELF_SIGNED, -20027, "the server's certificate is self-signed")                          \
  X(ECERT_UNTRUSTED, -20028, "the server's certificate is signed by nobody trusted here")          \
  X(ECERT_REVOKED, -20029, "the server's certificate is revoked")                                  \
  X(EMESSAGE_OPEN, -20030, "a message is being sent in pieces; end it first")                      \
  X(ENOMESSAGE, -20031, "no message was begun")                                                    \
  X(EPONG_TIMEOUT, -20032, "no sign of life from the server within pong_timeout_ms of a Ping")     \
  X(EIDLE_TIMEOUT, -20033, "no message within idle_timeout_ms")                                    \
  X(ECERT_PIN, -20034, "the server's public key is not the one that was pinned")                   \
  X(EPROXY, -20040, "the proxy did not open a tunnel")                                             \
  X(EPROXY_AUTH, -20041, "the proxy wants other credentials")                                      \
  X(EREDIRECT, -20042, "a redirect was not followed")

enum {
#define UVWS_ERROR_ENUM(name, number, text) UVWS_##name = (number),
  UVWS_ERROR_MAP(UVWS_ERROR_ENUM)
#undef UVWS_ERROR_ENUM
};

/* A sentence for an error number, libuv's or ours; "unknown error" for others. Static, never NULL.
 */
UVWS_API
const char *uvws_strerror(int err);

/* The symbolic name, "UVWS_EURI" or libuv's "ECONNREFUSED"; "UNKNOWN" for others. Static, never
 * NULL. */
UVWS_API
const char *uvws_err_name(int err);

/* The version of the library that runs, "0.1.0". Static. */
UVWS_API
const char *uvws_version(void);

/*
 * Context
 */

typedef struct uvws_context_options {
  size_t size; /* sizeof(uvws_context_options_t) */

  /* Memory for all that the library itself takes (OpenSSL, zlib, libuv and wslay have their own
   * hooks). The contract is realloc's, with size 0 meaning free. NULL: the C library's. Must
   * outlive the context. */
  void *(*realloc_cb)(void *arg, void *ptr, size_t size);
  void *realloc_arg;
} uvws_context_options_t;

/*
 * Make a context on `loop`. `loop` is borrowed until the context and all its clients are gone;
 * `options` (may be NULL) is copied. `*out` is owned by the caller. One context serves any number
 * of clients; several contexts may live on one loop, and loops on different threads need nothing of
 * each other. Returns 0, UV_ENOMEM, UV_EINVAL.
 */
UVWS_API
int uvws_context_new(struct uv_loop_s *loop, const uvws_context_options_t *options,
                     uvws_context_t **out);

/*
 * Give up the caller's hold. The context lives on until the last of its clients is freed, then
 * closes its handles: uv_loop_close succeeds once uv_run has returned. No new client may be made
 * from it. NULL is accepted. An open context with idle clients does not keep uv_run from returning.
 */
UVWS_API
void uvws_context_free(uvws_context_t *ctx);

/* The loop that the context was made on. */
UVWS_API
struct uv_loop_s *uvws_context_loop(const uvws_context_t *ctx);

/* `cut_count` connections ended without the peer's Close. */
typedef void (*uvws_close_all_cb)(uvws_context_t *ctx, int cut_count, void *arg);

/*
 * Close every connection of the context as uvws_close does, none to last longer than `timeout_ms`
 * from now (UVWS_NO_TIMEOUT: close_timeout_ms alone decides): what is left then is cut, with
 * UVWS_ECLOSE_TIMEOUT. Reconnection is cancelled. `reason` is copied. `cb` (may be NULL) fires
 * once, from the loop, behind the last on_close; also when there is nothing to close. Connections
 * begun after this call are not its business. Returns 0, UVWS_ECLOSECODE, UVWS_EBUSY (one is under
 * way).
 */
UVWS_API
int uvws_context_close_all(uvws_context_t *ctx, int code, const char *reason, size_t reason_len,
                           uint32_t timeout_ms, uvws_close_all_cb cb, void *arg);

/*
 * Callbacks
 */

typedef enum uvws_kind { UVWS_TEXT = 1, UVWS_BINARY = 2 } uvws_kind_t;

/* A header field; both strings end with NUL. */
typedef struct uvws_header {
  const char *name;  /* a token (RFC 9110 5.1) */
  const char *value; /* without the white space around it */
} uvws_header_t;

/* Why a connection failed. All pointers are borrowed until the callback returns. */
typedef struct uvws_error {
  int code;            /* negative: uvws_err_name(code) */
  const char *message; /* one line for a person, with the particulars; never NULL */

  /* When a server answered the handshake with anything but a good 101, or a proxy CONNECT with
   * anything but a 2xx (else 0 and NULL): */
  int status; /* the HTTP status */
  const uvws_header_t *headers;
  size_t header_count;
  const uint8_t *body; /* the first 64 KiB at most */
  size_t body_len;
} uvws_error_t;

/* How a connection ended. All pointers are borrowed until the callback returns. */
typedef struct uvws_close_info {
  /* What the peer's Close frame said (RFC 6455 7.1.5): its code, 1005 when it gave none, 1006 when
   * there was no Close frame. */
  int code;
  const char
      *reason; /* the peer's reason, or with 1006 our words; UTF-8, ends with NUL, never NULL */
  size_t reason_len;
  int was_clean; /* 1: both Close frames were exchanged */
} uvws_close_info_t;

/* What a client tells. Each may be NULL. */
typedef struct uvws_callbacks {
  size_t size; /* sizeof(uvws_callbacks_t) */

  /* The handshake is done; messages sent before leave now. */
  void (*on_open)(uvws_t *ws, void *user);

  /* A whole message. `data` is borrowed until the callback returns and does not end with NUL. Text
   * is valid UTF-8 (RFC 6455 5.6). */
  void (*on_message)(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user);

  /* The connection failed, before or after it was open. on_close follows. */
  void (*on_error)(uvws_t *ws, const uvws_error_t *error, void *user);

  /* The connection is gone; the client may connect again, from in here too. */
  void (*on_close)(uvws_t *ws, const uvws_close_info_t *info, void *user);

  /* A Ping came (its Pong is sent by the library) or a Pong. `data` as in on_message, 0 to 125
   * bytes. */
  void (*on_ping)(uvws_t *ws, const uint8_t *data, size_t len, void *user);
  void (*on_pong)(uvws_t *ws, const uint8_t *data, size_t len, void *user);

  /* A piece of a message, in place of on_message when this is set: a message larger than memory can
   * pass. Pieces come in order, of up to 64 KiB; `part` says whether it is the first, the last,
   * both or neither of its message; the last may be empty. Text may be cut inside a character, and
   * is judged as it comes: a message that turns out bad ends with on_error, not with a last piece.
   */
  void (*on_chunk)(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, unsigned part,
                   void *user);

  /* uvws_buffered was above the high-water mark and has fallen to the low-water mark. */
  void (*on_drain)(uvws_t *ws, void *user);

  /* A connection has ended and another will be tried (options.reconnect). In here, and until then,
   * uvws_close gives up: on_close follows. */
  void (*on_retry)(uvws_t *ws, const uvws_retry_t *retry, void *user);
} uvws_callbacks_t;

enum { UVWS_FIRST = 1, UVWS_LAST = 2 }; /* bits of `part` */

/* How a queued message went: status 0 once all its bytes are handed to the kernel, else the error,
 * UV_ECANCELED when the connection ended first. */
typedef void (*uvws_send_cb)(uvws_t *ws, int status, void *arg);

/*
 * Client
 */

/*
 * Make a client. `callbacks` is copied (each member may be NULL); `user` is handed to each
 * callback.
 * `*out` is owned by the caller until uvws_free. Returns 0, UV_ENOMEM, UV_EINVAL.
 */
UVWS_API
int uvws_new(uvws_context_t *ctx, const uvws_callbacks_t *callbacks, void *user, uvws_t **out);

/*
 * Free the client, at any time, from inside any callback too. A connection under way is cut without
 * a closing handshake, and the law holds: what was promised still fires from the loop, pending
 * sends with UV_ECANCELED, then on_close (code 1006). To hear nothing of it, call
 * uvws_set_callbacks(ws, NULL) first; send callbacks fire all the same. `ws` must not be used after
 * the call, but inside those callbacks. NULL is accepted.
 */
UVWS_API
void uvws_free(uvws_t *ws);

/* Replace all callbacks; `callbacks` is copied, NULL means none. */
UVWS_API
void uvws_set_callbacks(uvws_t *ws, const uvws_callbacks_t *callbacks);

/* What the callbacks get as `user`; and what they get from now on. */
UVWS_API
void *uvws_user(const uvws_t *ws);
UVWS_API
void uvws_set_user(uvws_t *ws, void *user);
/* The context that the client was made from. */
UVWS_API
uvws_context_t *uvws_context(const uvws_t *ws);

/* TLS versions, numbered as on the wire (RFC 8446 4.2.1). */
typedef enum uvws_tls_version {
  UVWS_TLS_DEFAULT = 0,
  UVWS_TLS_1_0 = 0x0301,
  UVWS_TLS_1_1 = 0x0302,
  UVWS_TLS_1_2 = 0x0303,
  UVWS_TLS_1_3 = 0x0304
} uvws_tls_version_t;

/* Whether permessage-deflate is offered. */
typedef enum uvws_compression {
  UVWS_COMPRESSION_DEFAULT = 0, /* offered, used when the server agrees */
  UVWS_COMPRESSION_OFF = 1      /* not offered */
} uvws_compression_t;

/* A certificate in plain strings, all ending with NUL. */
typedef struct uvws_certificate {
  const char *subject;    /* "CN=example.org,O=Example" (RFC 4514) */
  const char *issuer;     /* the same of who signed it */
  const char *not_before; /* "2026-01-31 23:59:59 UTC" */
  const char *not_after;
  const char *sha256;         /* fingerprint: 64 hex digits */
  const char *public_key_pin; /* "sha256//BASE64": what pinned_public_key wants */
  const char *pem;
  const uint8_t *der;
  size_t der_len;
} uvws_certificate_t;

/* What TLS agreed on with the server. */
typedef struct uvws_tls_info {
  size_t size;                /* sizeof(uvws_tls_info_t), as the library knows it */
  uvws_tls_version_t version; /* that was agreed on */
  const char *cipher;         /* "TLS_AES_256_GCM_SHA384" */
  const char *alpn;           /* the application protocol that the server chose; NULL: none */
  int is_resumed;             /* 1: a session of before, without certificates on the way */
  const uvws_certificate_t *certificates; /* as the server sent them, its own first */
  size_t certificate_count;
} uvws_tls_info_t;

/* Judge a server's certificate: `err` is what the library itself found, 0 or UVWS_ECERT..., and
 * `message` the same in words, "" for 0. `info` has its certificates, and no more yet; all is
 * borrowed until the callback returns. Return 0 to accept, also against `err`, or a negative number
 * to end the connection with. It fires between uvws_connect and on_open, from the loop. */
typedef int (*uvws_verify_cb)(uvws_t *ws, int err, const char *message, const uvws_tls_info_t *info,
                              void *user);

#define UVWS_PASSWORD_MAX 1024 /* bytes, as OpenSSL has it */

/*
 * The password of the client's encrypted key or PKCS#12 file: write it to `out` and return its
 * length, 1 to `cap` (which is UVWS_PASSWORD_MAX); it needs no NUL, may have none in it, and is
 * wiped once the key is open. Less than 0: there is none, and the connection fails with UVWS_ETLS,
 * as it does when the password is wrong or empty.
 *
 * It fires from inside the call that loads the files, unlike all other callbacks: from
 * uvws_connect, and later from the loop, before an attempt of options.reconnect or a redirect. Only
 * for what is encrypted, and only when it is loaded: what was opened is kept for the same client's
 * next connections with equal TLS options, until the files change or sixteen others were used
 * since; no other client gets it without its own password. In it uvws_close and uvws_free call the
 * connection off (uvws_connect then returns UV_ECANCELED), and uvws_connect is UVWS_EBUSY. While it
 * waits for an answer the loop waits too.
 */
typedef int (*uvws_password_cb)(uvws_t *ws, char *out, size_t cap, void *user);

#define UVWS_NO_TIMEOUT UINT32_MAX /* for options that are times */
#define UVWS_NO_LIMIT SIZE_MAX     /* for options that are sizes */

/*
 * What to connect to and how. Zero always means the default. All strings and arrays are copied.
 * Every caller string is refused (UVWS_EOPTION) when it has control characters in it.
 */
typedef struct uvws_options {
  size_t size; /* sizeof(uvws_options_t) */

  /* ws://host[:port][/path][?query] or wss://... (RFC 6455 3). No fragment. */
  const char *uri;
  uint16_t port; /* wins over the URI's; default: the URI's, else 80 or 443 */

  /* Extra header fields of the request, in order, names may repeat. Those that the handshake itself
   * owns (Host, Upgrade, Connection, Sec-WebSocket-*) are refused, but for Host. */
  const uvws_header_t *headers;
  size_t header_count;
  const char *const *protocols; /* Sec-WebSocket-Protocol, the most wanted first */
  size_t protocol_count;
  const char *origin; /* Origin; default: none is sent */

  uint32_t connect_timeout_ms;   /* from uvws_connect to TCP, or a proxy's tunnel; default 10,000 */
  uint32_t handshake_timeout_ms; /* TLS and HTTP together; default 10,000 */
  uint32_t close_timeout_ms;     /* the closing handshake; default 5,000 */

  size_t max_message_size; /* received, expanded; default 16 MiB; beyond it close code 1009 */
  size_t max_fragments;    /* received, a message; default 65,536; beyond it 1009 */
  size_t max_head_size;    /* of the HTTP answer; default 64 KiB */

  uvws_tls_version_t tls;     /* exactly this version; default: at least 1.2 */
  uvws_tls_version_t tls_min; /* default 1.2; not together with `tls` */
  uvws_tls_version_t tls_max; /* default: the newest; not together with `tls` */
  const char *ca_file;      /* PEM; default with ca_path: the system's store as OpenSSL finds it */
  const char *ca_path;      /* directory of hashed PEM files */
  const char *cert_file;    /* client certificate chain, PEM */
  const char *key_file;     /* its key, PEM; default: in cert_file */
  const char *server_name;  /* name for SNI and verification; default: the URI's host */
  int insecure_skip_verify; /* 1: accept any certificate: anybody may read and answer for the server
                             */

  /* permessage-deflate (RFC 7692); a build without zlib never offers it. Window bits are 8 to 15,
   * as the two ends agree; a server that demands 8 of us gets plain messages, since zlib writes no
   * raw DEFLATE with so small a window. Memory is taken with the first compressed message: about
   * 2^(bits+2) + 2^(memory_level+9) to send, 2^bits + 7 KiB to receive. Without context takeover
   * one compressor and one decompressor serve all clients of a context. */
  uvws_compression_t compression;
  int compression_level;          /* 1 (fast) to 9 (small); default 6 */
  int compression_memory_level;   /* 1 to 9; default 8 */
  size_t compression_threshold;   /* shorter messages go out plain; default 1,024 */
  int client_max_window_bits;     /* for what we send; default: the server chooses */
  int server_max_window_bits;     /* asked of the server; default: not asked */
  int client_no_context_takeover; /* 1: each message we send is compressed on its own */
  int server_no_context_takeover; /* 1: asked of the server */

  size_t high_water_mark; /* of uvws_buffered; default 1 MiB: from there on sends return
                             UVWS_ABOVE_MARK */
  size_t low_water_mark;  /* where on_drain fires; default a quarter of the high one */
  size_t max_buffered;    /* a send that would go beyond is refused; default: no limit */

  /* Keep-alive. A Ping (RFC 6455 5.5.2) goes out after so much silence from the server, and any
   * byte of its is a sign of life. When none has come pong_timeout_ms later, on_error tells
   * UVWS_EPONG_TIMEOUT. Time that this process spends busy or asleep is nobody's fault: what has
   * arrived is read before a server is judged. The Pongs of these Pings are not told. A connection
   * that is paused is not judged. */
  uint32_t ping_interval_ms; /* default: no Pings */
  uint32_t pong_timeout_ms;  /* default 10,000; UVWS_NO_TIMEOUT: never judge, just ping */
  uint32_t idle_timeout_ms;  /* without a message either way for so long, or at most a quarter
                                longer, the connection closes with 1001. What still arrives before
                                the server's Close is told, then on_error with
                                UVWS_EIDLE_TIMEOUT, then on_close with what the server's Close
                                said; default: never */

  /* The way to the server. */
  const char *socket_path;     /* a unix domain socket to connect to; the URI still gives Host, path
                                  and the name in the certificate. Not together with `proxy` */
  const char *local_address;   /* a numeric IP address of this machine to connect from; addresses of
                                  the other family are passed over. Default: the system chooses */
  uint32_t tcp_keepalive_s;    /* seconds of silence before TCP probes the peer; default: never.
                                  uvws_ping tells more: a probe is answered by the peer's kernel */
  uint32_t attempt_timeout_ms; /* for each address of a name, which are tried 250 ms apart (RFC
                                  8305); default: connect_timeout_ms is the only limit */

  /*
   * A proxy: "http://user:password@host:port" (CONNECT), "https://..." (CONNECT in TLS),
   * "socks5://..." (names are looked up here, the first address is taken), "socks5h://..." (by the
   * proxy), "socks4a://...". Without a port 80, 443 or 1080; without a scheme http.
   * Percent-encoding in user and password is undone. TLS and verification of a wss:// URI are for
   * its host as ever. Reaching the proxy and its agreement count for connect_timeout_ms. A proxy
   * that refuses is told as UVWS_EPROXY or UVWS_EPROXY_AUTH; of an HTTP proxy on_error gets status,
   * headers and body.
   */
  const char *proxy;                  /* default: none */
  const uvws_header_t *proxy_headers; /* more fields of the CONNECT request; a Proxy-Authorization
                                         takes the place of the one from user and password */
  size_t proxy_header_count;
  const char *proxy_ca_file; /* PEM, for the certificate of an https proxy, which is always
                                verified; default: the system's store */
  int proxy_from_env; /* 1: without `proxy`, take it from ws_proxy or http_proxy for ws://, from
                         wss_proxy or https_proxy for wss://, else from all_proxy, unless
                         no_proxy covers the host (names, domains, addresses, 10.0.0.0/8, *); upper
                         case too, but for HTTP_PROXY, which a CGI program gets from strangers */

  /* How many redirects (301, 302, 303, 307, 308) are followed; default 0: they are refusals like
   * any other. Never from wss to ws. To another scheme, host or port go neither `headers` nor
   * user, bearer_token, client certificate and server_name. Each hop has its deadlines anew. One
   * that may not be followed is told as UVWS_EREDIRECT, with the server's answer. */
  uint32_t max_redirects;

  const char *bearer_token; /* sends Authorization: Bearer (RFC 6750 2.1); not together with a user
                               in the URI or an Authorization among `headers` */

  /* Connect again whenever a connection ends that uvws_close did not end: see "Reconnection". With
   * it, what rule 3 says of a connection holds for all attempts together: on_retry tells the end of
   * each but the last, and on_error and on_close are told of the last. on_open comes as often as
   * one opens. Copied. */
  const uvws_reconnect_t *reconnect; /* default: never */

  /*
   * More of TLS. What is named _pem is the text of a PEM file. Clients of a context whose TLS
   * options are equal share what was made of them, the certificate store too; a file is read again
   * when it has changed on disk. An https proxy is met with proxy_ca_file and the defaults.
   */
  const char *ca_pem;      /* trusted, beside those in ca_file and ca_path */
  const char *cert_pem;    /* client certificate chain, in place of cert_file */
  const char *key_pem;     /* its key, in place of key_file; default: in cert_pem */
  const char *pkcs12_file; /* client certificate, key and chain (RFC 7292), in place of cert_file */
  const char *key_password; /* opens the key or the PKCS#12 file; see also on_key_password */
  const char *ciphers; /* for TLS 1.2 and older, OpenSSL's list: "ECDHE+AESGCM"; unknown names in
                          it are passed over. Default: OpenSSL's, at security level 2 */
  const char *ciphersuites; /* for TLS 1.3: "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256" */
  const char *alpn; /* application protocols offered (RFC 7301), joined by ","; "": none. Default:
                       "http/1.1", as browsers do, so that no server takes us for something else */
  const char *pinned_public_key; /* "sha256//BASE64" of the certificate's SubjectPublicKeyInfo, as
                                    curl writes it, several joined by ";": one of them must match,
                                    UVWS_ECERT_PIN else. It adds to the verification, and with
                                    insecure_skip_verify it is all of it */
  const char *crl_file; /* PEM, revocation lists (RFC 5280 5): one of each issuer in the chain, or
                           the certificate is refused */
  int require_ocsp_staple;   /* 1: the server must staple a good OCSP response (RFC 6066 8) */
  int no_session_resumption; /* 1: a whole handshake each time. Default: sessions are kept in the
                                context and resumed (RFC 8446 2.2) with the same host, port and TLS
                                options; what was verified for a session is not verified again */
  const char *keylog_file; /* the keys of all connections are appended to it, for Wireshark: whoever
                              reads it reads them all */
  int keylog_from_env;     /* 1: without keylog_file, to the file named by SSLKEYLOGFILE */
  uvws_verify_cb on_verify; /* has the last word on the server's certificate; no sessions are
                               resumed then. Not together with insecure_skip_verify */
  uvws_password_cb on_key_password; /* asked for the password of an encrypted key or PKCS#12 file.
                                       Default, without key_password: such a key is an error. Not
                                       together with key_password */
} uvws_options_t;

/*
 * Reconnection
 */

/* What ended, and what comes of it. All pointers are borrowed until the callback returns. */
struct uvws_retry {
  size_t size;                    /* sizeof(uvws_retry_t), as the library knows it */
  uint32_t attempt;               /* the one that comes, 1 for the first after uvws_connect's own */
  uint64_t delay_ms;              /* until then; in should_retry not decided yet */
  uint64_t retry_after_ms;        /* what the server asked for (RFC 9110 10.2.3); 0: nothing */
  int was_open;                   /* the connection had opened */
  const uvws_error_t *error;      /* what on_error would have been told; NULL: no error */
  const uvws_close_info_t *close; /* what on_close would have been told */
};

/* The library's own judgement, 1 or 0. Yes: errors of the network and of TLS's stream, time-outs,
 * HTTP 408, 425, 429 and 5xx, close codes 1001, 1006 and 1011 to 1014. No: anything else, above all
 * certificates, other refusals, breaches of the protocol, and codes of the application's own. */
UVWS_API
int uvws_should_retry(const uvws_retry_t *retry);

/* How to connect again. Zero always means the default. Before attempt n the wait is any time, each
 * as likely, up to delay_ms * 2^(n-1), so that the clients of a server that died do not come back
 * all at once; and not before the server's Retry-After (an hour at most). */
struct uvws_reconnect {
  size_t size;           /* sizeof(uvws_reconnect_t) */
  uint32_t delay_ms;     /* default 1,000 */
  uint32_t max_delay_ms; /* default 30,000 */
  uint32_t stable_ms;    /* a connection open for so long starts the count anew; default 10,000 */
  uint32_t max_attempts; /* default: no limit */
  int no_jitter;         /* 1: always the longest wait */

  /* Messages that the kernel has not taken wait for the next connection, and so do those that are
   * sent in between, up to so many bytes in all; a send beyond them is refused with
   * UVWS_EQUEUEFULL. They leave, in order, before on_open. What the kernel took may be lost all the
   * same; messages in pieces are not kept. Default: messages end with their connection
   * (UV_ECANCELED), and sends between two connections are refused with UVWS_ENOTOPEN. */
  size_t keep_bytes;

  /* Is it worth another attempt? Default: uvws_should_retry. `user` is the client's. */
  int (*should_retry)(uvws_t *ws, const uvws_retry_t *retry, void *user);

  /* Before each attempt but uvws_connect's own: change what is to be changed in `options`, the URI
   * or the headers with a fresh token. It is a copy of those of uvws_connect, each time anew; what
   * it points to is borrowed until the hook returns. Not 0: give up, on_close follows. */
  int (*before_attempt)(uvws_t *ws, uvws_options_t *options, uint32_t attempt, void *user);
};

/*
 * Connect. Returns 0: on_open or on_error comes, on_close in any case. Or, and nothing fires:
 * UVWS_EBUSY (not closed yet), UVWS_EURI, UVWS_EOPTION (uvws_last_error names it), UVWS_ETLS (a CA
 * or certificate file cannot be used), UVWS_ETLS_UNAVAILABLE, UV_ECANCELED (by on_key_password),
 * UV_ENOMEM, UV_EINVAL.
 */
UVWS_API
int uvws_connect(uvws_t *ws, const uvws_options_t *options);

/* One line with the particulars of the last call on `ws` that failed, "" when there are none. The
 * clients of a context share the room for it: borrowed until the next call on any of them. */
UVWS_API
const char *uvws_last_error(const uvws_t *ws);

/*
 * Queue a message. `data` is copied; it may be NULL when `len` is 0. All that is queued in one turn
 * of the loop leaves in one write. Before the connection is open, before uvws_connect too, messages
 * wait in order and leave when it opens; when it does not, they are dropped with their connection.
 * Text must be UTF-8 (not checked here: the peer fails the connection when it is not). `cb` (may be
 * NULL) gets `arg`.
 *
 * Returns 0, or UVWS_ABOVE_MARK: queued as well, but uvws_buffered has reached high_water_mark:
 * better wait for on_drain. Errors, and nothing is queued: UVWS_ENOTOPEN (closing or closed),
 * UVWS_EQUEUEFULL (max_buffered; not fatal), UVWS_EMESSAGE_OPEN, UV_ENOMEM, UV_EINVAL.
 */
UVWS_API
int uvws_send_text(uvws_t *ws, const char *data, size_t len, uvws_send_cb cb, void *arg);
UVWS_API
int uvws_send_binary(uvws_t *ws, const void *data, size_t len, uvws_send_cb cb, void *arg);

enum { UVWS_ABOVE_MARK = 1 };

/* Flags for one message. */
enum {
  UVWS_SEND_COMPRESSED = 1, /* whatever compression_threshold says, when compression was agreed */
  UVWS_SEND_PLAIN = 2,

  /* `data` is borrowed, valid and unchanged, until `cb` fires, which must be given. A message of
   * more than 128 KiB is then not copied, however long it is queued: it is masked piece by piece as
   * the kernel takes it. The same bytes may be lent to many clients at once. (What is compressed,
   * or sent before the connection is open, is copied all the same.) */
  UVWS_SEND_BORROWED = 4
};

/* The same with flags. */
UVWS_API
int uvws_send(uvws_t *ws, uvws_kind_t kind, const void *data, size_t len, unsigned flags,
              uvws_send_cb cb, void *arg);

/*
 * Send a message in pieces, each a fragment (RFC 6455 5.4) that leaves at once: begin, write any
 * number of times, end. In between pings and uvws_close work as always, other messages do not. Only
 * while open. `flags` as above; a message in pieces is compressed when UVWS_SEND_COMPRESSED is
 * given. Returns and errors are those of uvws_send, and UVWS_ENOMESSAGE without a begin.
 */
UVWS_API
int uvws_message_begin(uvws_t *ws, uvws_kind_t kind, unsigned flags);
UVWS_API
int uvws_message_write(uvws_t *ws, const void *data, size_t len, uvws_send_cb cb, void *arg);
UVWS_API
int uvws_message_end(uvws_t *ws, uvws_send_cb cb, void *arg);

/*
 * Stop reading: no further messages, pings or Close are seen, not even those that have arrived, and
 * the server is slowed down by TCP. uvws_resume goes on where it stopped, from the loop. Each may
 * be called at any time and twice; without a connection they do nothing, and a new one begins
 * unpaused. A paused client does not notice that its peer is gone, and answers no pings. uvws_close
 * resumes, and a client that is closing does not pause.
 */
UVWS_API
void uvws_pause(uvws_t *ws);
UVWS_API
void uvws_resume(uvws_t *ws);

/*
 * Send a Ping with 0 to 125 bytes (RFC 6455 5.5.2); the answer comes as on_pong. `data` is copied.
 * Returns 0, UVWS_ENOTOPEN, UV_EINVAL (too long), UV_ENOMEM.
 */
UVWS_API
int uvws_ping(uvws_t *ws, const void *data, size_t len);

/*
 * Start the closing handshake (RFC 6455 7.1.2) behind what is queued. `code` is 1000 to 1003,
 * 1007 to 1014, or 3000 to 4999; 0 sends a Close without one. `reason` is UTF-8, at most 123 bytes,
 * copied, NULL for none. on_close comes when the peer has answered, or after close_timeout_ms.
 * While connecting it cancels: on_close without on_error. A second call, and one before
 * uvws_connect or after on_close, does nothing and returns 0. Errors: UVWS_ECLOSECODE, UV_ENOMEM.
 */
UVWS_API
int uvws_close(uvws_t *ws, int code, const char *reason, size_t reason_len);

/* Bytes of messages and frames that are queued here and not yet handed to the kernel. */
UVWS_API
size_t uvws_buffered(const uvws_t *ws);

/* Where a client stands. */
typedef enum uvws_state {
  UVWS_STATE_CLOSED = 0, /* new, or after on_close */
  UVWS_STATE_CONNECTING,
  UVWS_STATE_OPEN,
  UVWS_STATE_CLOSING
} uvws_state_t;

/* Where the client stands now. */
UVWS_API
uvws_state_t uvws_state(const uvws_t *ws);

/* The subprotocol that the server chose, NULL for none. Borrowed until on_close returns. */
UVWS_API
const char *uvws_protocol(const uvws_t *ws);

/* A response header field of the handshake, from on_open until on_close returns; names compare
 * without case, the first of several counts; NULL when absent. Borrowed as long. */
UVWS_API
const char *uvws_response_header(const uvws_t *ws, const char *name);

/*
 * What TLS agreed on with the server. `*out` is borrowed until on_close returns. Returns 0,
 * UVWS_ENOTOPEN (no TLS: not secured yet, closed, or ws://), UV_ENOMEM. The first call for a
 * connection makes it, so ask while that is open: in on_open, say.
 */
UVWS_API
int uvws_tls_info(uvws_t *ws, const uvws_tls_info_t **out);

/*
 * Threads
 *
 * A context and its clients belong to the thread that runs their loop. An async is the one thing
 * that other threads may use: a mailbox of a client.
 */

typedef struct uvws_async uvws_async_t;

/*
 * Make an async for `ws`, on the loop's thread. What it is given and the kernel has not taken yet
 * is at most `max_bytes` of payload (0: 1 MiB). `*out` is owned by the caller until
 * uvws_async_free, which may come before or after uvws_free; until one of them the loop is kept
 * alive. A context with realloc_cb needs one that may be called from all these threads. Returns 0,
 * UV_ENOMEM, UV_EINVAL or what uv_async_init does.
 */
UVWS_API
int uvws_async_new(uvws_t *ws, size_t max_bytes, uvws_async_t **out);

/* From any thread, once, and behind the last of its other calls. What it was given still goes out.
 * NULL is accepted. */
UVWS_API
void uvws_async_free(uvws_async_t *async);

/*
 * uvws_send from any thread. Messages of one thread stay in order. `data` is copied. When it
 * returns 0, `cb` (may be NULL) fires exactly once, on the loop's thread, with 0 or why the message
 * did not go out; uvws_send's own errors are told there too. Errors: UVWS_EQUEUEFULL (try again
 * later), UVWS_ENOTOPEN (the client is freed), UV_ENOMEM, UV_EINVAL.
 */
UVWS_API
int uvws_async_send(uvws_async_t *async, uvws_kind_t kind, const void *data, size_t len,
                    unsigned flags, uvws_send_cb cb, void *arg);

/* uvws_close from any thread, behind what this thread has sent. Returns 0, UVWS_ECLOSECODE,
 * UVWS_ENOTOPEN (the client is freed), UV_ENOMEM. */
UVWS_API
int uvws_async_close(uvws_async_t *async, int code, const char *reason, size_t reason_len);

/*
 * Observing
 */

/* Numbers to watch. Of a client they are about all its connections, one after the other; of a
 * context about all its clients, also those that are freed. */
typedef struct uvws_stats {
  size_t size; /* sizeof(uvws_stats_t); set it before the call */

  /* Counters: they only grow. */
  uint64_t bytes_in; /* what WebSocket and its handshake read; TLS has its own overhead */
  uint64_t bytes_out;
  uint64_t bytes_dropped; /* queued, and their connection did not live to send them */
  uint64_t messages_in;
  uint64_t messages_out;
  uint64_t frames_in; /* control frames included */
  uint64_t frames_out;
  uint64_t pings_in;
  uint64_t pings_out;
  uint64_t pongs_in;
  uint64_t pongs_out;
  uint64_t compressed_bytes_in; /* payload that came compressed ... */
  uint64_t expanded_bytes_in;   /* ... and what it became */
  uint64_t compressed_bytes_out;
  uint64_t plain_bytes_out; /* payload that was compressed to these */
  uint64_t connects;        /* connections begun */
  uint64_t reconnects;      /* of these by reconnection */
  uint64_t opens;           /* connections that opened */
  uint64_t failures;        /* connections that ended with an error */

  /* Now. */
  uint64_t clients; /* 1 of a client */
  uint64_t open;    /* connections that are open */
  uint64_t buffered;

  /* The last handshake, in microseconds; of a context the last that was done. */
  uint64_t resolve_us;
  uint64_t connect_us; /* TCP, and a proxy's tunnel */
  uint64_t tls_us;
  uint64_t upgrade_us;

  /* Round trips of the Pings of ping_interval_ms, in microseconds; 0: none yet. Of a context the
   * longest of the last ones, the mean of the smoothed ones, the shortest. */
  uint64_t rtt_last_us;
  uint64_t rtt_smoothed_us; /* RFC 6298 2.3 */
  uint64_t rtt_min_us;
} uvws_stats_t;

/* Fill in as much of `*out` as its `size` covers. Returns 0 or UV_EINVAL (no size). */
UVWS_API
int uvws_stats(const uvws_t *ws, uvws_stats_t *out);
UVWS_API
int uvws_context_stats(const uvws_context_t *ctx, uvws_stats_t *out);

/*
 * Write `stats` in Prometheus' text format, with NUL, at most `cap` bytes of it, to `out` (may be
 * NULL when `cap` is 0). `labels` (may be NULL) stands between the braces: name="prices". Returns
 * the length of the whole without NUL: it was cut when that is not less than `cap`.
 */
UVWS_API
size_t uvws_stats_prometheus(const uvws_stats_t *stats, const char *labels, char *out, size_t cap);

/* How much is traced; each level tells what those above it do as well. */
typedef enum uvws_log_level {
  UVWS_LOG_OFF = 0,
  UVWS_LOG_ERROR, /* connections that fail */
  UVWS_LOG_WARN,  /* connections that will be tried again */
  UVWS_LOG_INFO,  /* changes of state */
  UVWS_LOG_DEBUG, /* the heads of the handshake */
  UVWS_LOG_FRAMES /* each frame's header */
} uvws_log_level_t;

/* What a traced event is about. */
typedef enum uvws_trace_kind {
  UVWS_TRACE_TEXT = 0,
  UVWS_TRACE_HEAD_OUT, /* a line of the request */
  UVWS_TRACE_HEAD_IN,  /* a line of the answer */
  UVWS_TRACE_FRAME_OUT,
  UVWS_TRACE_FRAME_IN
} uvws_trace_kind_t;

/* Something that happened. All borrowed until the callback returns. */
typedef struct uvws_trace_event {
  uvws_log_level_t level; /* the least that tells it */
  uvws_trace_kind_t kind;
  const char *text; /* one line for a person, without its newline */

  /* Of a frame (RFC 6455 5.2), else 0. */
  uint8_t opcode;
  uint8_t fin;
  uint8_t rsv; /* 4: RSV1, compressed */
  uint64_t payload_len;
} uvws_trace_event_t;

/* Fires in the middle of things, inside calls too, unlike all other callbacks: it may look at `ws`
 * (uvws_user, uvws_state, uvws_stats) but change nothing. */
typedef void (*uvws_trace_cb)(uvws_t *ws, const uvws_trace_event_t *event, void *arg);

/*
 * Have everything up to `level` told to `cb`, for all clients of the context, from now on;
 * UVWS_LOG_OFF ends it. Payload is never shown, and of Authorization, Proxy-Authorization, Cookie
 * and Set-Cookie the names only. What else in a head is a secret (a token in the URI) is shown.
 */
UVWS_API
void uvws_context_trace(uvws_context_t *ctx, uvws_log_level_t level, uvws_trace_cb cb, void *arg);

#ifdef __cplusplus
}
#endif

#endif
