/*
 * The library against real servers: test_interop SERVER SCHEME CERT_DIR COMMAND [ARG ...]
 *
 * SERVER is ws, websockets or libwebsockets, COMMAND one of test/servers. Every row of the table
 * that the server can do runs on a loop of its own, then a thousand clients on one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "crowd.h"
#include "server.h"
#include "session.h"

#define MIB ((size_t)1024 * 1024)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ARGV_MAX 16
#define FILES_NEEDED 4096

/* Servers by what they are able to do: see test/servers/README.md. */
enum { WS = 1, WEBSOCKETS = 2, LWS = 4, ROUTED = WS | WEBSOCKETS };

#define MULTI_BYTE                                                                                 \
  "Gr\xc3\xbc\xc3\x9f"                                                                             \
  "e, \xe4\xb8\x96\xe7\x95\x8c, \xf0\x9f\x8c\x8d, \xf4\x8f\xbf\xbf"

/* libwebsockets' mirror sends every message back as text, in pieces of 4 KiB at most. */
#define MIRROR .protocols = {"lws-mirror-protocol"}, .protocol = "lws-mirror-protocol"
#define INCREMENT .protocols = {"dumb-increment-protocol"}, .protocol = "dumb-increment-protocol"

/* clang-format off: one row, one session */
static const struct row rows[] = {
    {"text with multi-byte characters comes back", ROUTED, "/echo",
     .send = {{UVWS_TEXT, MULTI_BYTE, 0}}},
    {"binary data with NULs comes back", ROUTED, "/echo",
     .send = {{UVWS_BINARY, "\0a\0\xff\0", 5}}},
    {"texts of 0, 1, 125, 126, 65535 and 65536 bytes come back in order", ROUTED, "/echo",
     .send = {{UVWS_TEXT, NULL, 0},
              {UVWS_TEXT, NULL, 1},
              {UVWS_TEXT, NULL, 125},
              {UVWS_TEXT, NULL, 126},
              {UVWS_TEXT, NULL, 65535},
              {UVWS_TEXT, NULL, 65536}}},
    {"binary messages of 0, 1, 125, 126, 65535 and 65536 bytes come back in order", ROUTED, "/echo",
     .send = {{UVWS_BINARY, NULL, 0},
              {UVWS_BINARY, NULL, 1},
              {UVWS_BINARY, NULL, 125},
              {UVWS_BINARY, NULL, 126},
              {UVWS_BINARY, NULL, 65535},
              {UVWS_BINARY, NULL, 65536}}},
    {"messages of 1 MiB come back", ROUTED, "/echo",
     .send = {{UVWS_TEXT, NULL, MIB}, {UVWS_BINARY, NULL, MIB}}},
    {"messages of 16 MiB come back", ROUTED, "/echo",
     .send = {{UVWS_TEXT, NULL, 16 * MIB}, {UVWS_BINARY, NULL, 16 * MIB}}},
    {"messages queued before connect arrive in order", ROUTED, "/echo", SEND_EARLY,
     .send = {{UVWS_TEXT, "one", 0}, {UVWS_BINARY, "two", 0}, {UVWS_TEXT, "three", 0}}},
    {"a server that speaks first is heard", ROUTED, "/first",
     .expect = {{UVWS_TEXT, "welcome", 0}, {UVWS_BINARY, "\0\1\2", 3}},
     .send = {{UVWS_TEXT, "thanks", 0}}},
    {"a message in three fragments with a ping between them arrives whole", ROUTED, "/fragments",
     .expect = {{UVWS_TEXT, "one two three", 0}}, .pings = 1, .send = {{UVWS_TEXT, "seen", 0}}},
    {"a ping of the server is answered and told", ROUTED, "/ping",
     .expect = {{UVWS_TEXT, "pong are you there", 0}}, .pings = 1},
    {"a ping to the server is answered and told", ROUTED, "/echo", .ping = "anybody in?"},
    {"a connection that carries nothing closes cleanly", ROUTED, "/echo"},

    {"the subprotocol that the server chose is told", ROUTED, "/protocol/superchat",
     .protocols = {"chat", "superchat"}, .protocol = "superchat",
     .send = {{UVWS_TEXT, "hello", 0}}},
    {"a server may choose no subprotocol", ROUTED, "/protocol/none",
     .protocols = {"chat", "superchat"}, .send = {{UVWS_TEXT, "hello", 0}}},
    {"a subprotocol that was not offered fails the handshake", ROUTED, "/protocol/other",
     .protocols = {"chat", "superchat"}, .error = UVWS_EHANDSHAKE, .status = 101},

    {"a server that closes with 1000 is told", ROUTED, "/close/1000/that%20is%20all",
     .close_code = 1000, .close_reason = "that is all"},
    {"a server that closes with 1001 is told", ROUTED, "/close/1001/going%20away",
     .close_code = 1001, .close_reason = "going away"},
    {"a server that closes with 1012 is told", ROUTED, "/close/1012/restart", .close_code = 1012,
     .close_reason = "restart"},
    {"a server that closes with 4000 and a multi-byte reason is told", ROUTED,
     "/close/4000/gen%C3%BCg", .close_code = 4000, .close_reason = "gen\xc3\xbcg"},
    {"a server that closes without a code is told as 1005", WS, "/close", .close_code = 1005,
     .close_reason = ""},
    {"a server that drops the connection is told as an error and 1006", ROUTED, "/drop", IS_CUT,
     .error = UVWS_ELOST},

    {"a refusal with 401 and its body are told", ROUTED, "/refuse/401", .error = UVWS_EHTTP_STATUS,
     .status = 401, .body = "refused with 401\n"},
    {"a refusal with 404 and its body are told", ROUTED, "/refuse/404", .error = UVWS_EHTTP_STATUS,
     .status = 404, .body = "refused with 404\n"},
    {"a refusal with 503 and its body are told", ROUTED, "/refuse/503", .error = UVWS_EHTTP_STATUS,
     .status = 503, .body = "refused with 503\n"},
    {"a redirection with 302 is told and not followed", ROUTED, "/refuse/302",
     .error = UVWS_EHTTP_STATUS, .status = 302, .body = "refused with 302\n"},

    {"text with multi-byte characters comes back", LWS, "/", MIRROR,
     .send = {{UVWS_TEXT, MULTI_BYTE, 0}}},
    {"binary data with NULs comes back, as text", LWS, "/", IS_SILENT, MIRROR,
     .send = {{UVWS_BINARY, "\0a\0b\0", 5}}, .expect = {{UVWS_TEXT, "\0a\0b\0", 5}}},
    {"texts of 0, 1, 125 and 126 bytes come back in order", LWS, "/", MIRROR,
     .send = {{UVWS_TEXT, NULL, 0},
              {UVWS_TEXT, NULL, 1},
              {UVWS_TEXT, NULL, 125},
              {UVWS_TEXT, NULL, 126}}},
    {"a text of 65535 bytes comes back in pieces", LWS, "/", IS_STREAM, MIRROR,
     .send = {{UVWS_TEXT, NULL, 65535}}},
    {"a text of 65536 bytes comes back in pieces", LWS, "/", IS_STREAM, MIRROR,
     .send = {{UVWS_TEXT, NULL, 65536}}},
    {"a text of 1 MiB comes back in pieces", LWS, "/", IS_STREAM, MIRROR,
     .send = {{UVWS_TEXT, NULL, MIB}}},
    {"a text of 16 MiB comes back in pieces", LWS, "/", IS_STREAM, MIRROR,
     .send = {{UVWS_TEXT, NULL, 16 * MIB}}},
    {"messages queued before connect arrive in order", LWS, "/", SEND_EARLY, MIRROR,
     .send = {{UVWS_TEXT, "one", 0}, {UVWS_TEXT, "two", 0}, {UVWS_TEXT, "three", 0}}},
    {"a ping to the server is answered and told", LWS, "/", MIRROR, .ping = "anybody in?"},
    {"a server that speaks first is heard", LWS, "/", KEEPS_SENDING, INCREMENT,
     .expect = {{UVWS_TEXT, "0", 0}, {UVWS_TEXT, "1", 0}, {UVWS_TEXT, "2", 0}}},
};
/* clang-format on */

static const struct program {
  const char *name;
  unsigned bit;
  const char *crowd_path;
  const char *crowd_protocol;
  enum crowd_work crowd_work;
} programs[] = {
    {"ws", WS, "/echo", NULL, CROWD_ECHOES},
    {"websockets", WEBSOCKETS, "/echo", NULL, CROWD_ECHOES},
    {"libwebsockets", LWS, "/", "dumb-increment-protocol", CROWD_LISTENS},
};

static const struct program *program;
static struct target target;
static struct server server;
static char *server_argv[ARGV_MAX];

static void run_row(void **state) {
  session_run(&target, *state);
}

static void run_crowd(void **state) {
  (void)state;
  crowd_run(&target, program->crowd_path, program->crowd_protocol, program->crowd_work, 1000, 10);
}

static int start(void **state) {
  (void)state;
  if (server_start(&server, server_argv)) return -1;
  target.port = server.port;
  return 0;
}

static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

/* A thousand connections are more files than many systems allow by default; the server inherits
 * this. */
static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= FILES_NEEDED) return;
  limit.rlim_cur = limit.rlim_max < FILES_NEEDED ? limit.rlim_max : FILES_NEEDED;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void aim(const char *scheme, const char *cert_dir, char *const *command, int count) {
  static char ca[512], cert[512], key[512], tls[] = "--tls";
  int is_secure = strcmp(scheme, "wss") == 0;
  int used = 0;
  int is_compressed = 0;
  while (used < count && used < ARGV_MAX - 4) {
    server_argv[used] = command[used];
    is_compressed |= strcmp(command[used], "--deflate") == 0;
    used++;
  }
  /* Over ws an address, over wss a name that may have two of them, only one of which answers. */
  target = (struct target){.scheme = scheme,
                           .host = is_secure ? "localhost" : "127.0.0.1",
                           .is_compressed = is_compressed};
  if (!is_secure) return;
  snprintf(ca, sizeof ca, "%s/ca.pem", cert_dir);
  snprintf(cert, sizeof cert, "%s/server.pem", cert_dir);
  snprintf(key, sizeof key, "%s/server.key", cert_dir);
  server_argv[used++] = tls;
  server_argv[used++] = cert;
  server_argv[used] = key;
  target.ca_file = ca;
}

static size_t list_tests(struct CMUnitTest *out) {
  size_t count = 0;
  for (size_t i = 0; i < COUNT(rows); i++) {
    if (!(rows[i].servers & program->bit)) continue;
    out[count++] = (struct CMUnitTest){rows[i].name, run_row, NULL, NULL, (void *)&rows[i]};
  }
  out[count++] =
      (struct CMUnitTest){"a thousand clients on one loop get ten messages each and close cleanly",
                          run_crowd, NULL, NULL, NULL};
  return count;
}

int main(int argc, char **argv) {
  struct CMUnitTest tests[COUNT(rows) + 1];
  for (size_t i = 0; argc > 4 && i < COUNT(programs); i++) {
    if (strcmp(argv[1], programs[i].name) == 0) program = &programs[i];
  }
  if (!program) {
    fprintf(stderr, "usage: test_interop SERVER SCHEME CERT_DIR COMMAND [ARG ...]\n");
    return 2;
  }
  raise_file_limit();
  aim(argv[2], argv[3], argv + 4, argc - 4);
  size_t count = list_tests(tests);
  return _cmocka_run_group_tests(program->name, tests, count, start, stop);
}
