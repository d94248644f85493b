/*
 * Clients behind a proxy: the scripted one of relay.h, which answers well, wrongly, slowly, or
 * hangs up at each byte. Whatever it does: one verdict, on_close, nothing left.
 */
#include "support/fixture.h"

#include <stdio.h>

#include "net/relay.h"

struct world {
  struct fixture f;
  struct relay relay;
  char proxy[96];
  char uri[128];
  uvws_options_t options;
};

static struct world world;

static const char *const schemes[] = {[RELAY_HTTP] = "http",
                                      [RELAY_SOCKS5] = "socks5h",
                                      [RELAY_SOCKS5_LOGIN] = "socks5h",
                                      [RELAY_SOCKS4A] = "socks4a"};

static struct world *start(const struct relay_plan *plan, const char *host) {
  struct world *w = &world;
  struct peer_plan peer = {.echoes = 1};
  memset(w, 0, sizeof *w);
  fixture_init(&w->f, &peer);
  relay_init(&w->relay, &w->f.loop, w->f.peer.port, plan);
  snprintf(w->proxy, sizeof w->proxy, "%s://%s127.0.0.1:%u", schemes[plan->kind],
           plan->kind == RELAY_SOCKS5_LOGIN ? "me:se%20cret@" : "", w->relay.port);
  snprintf(w->uri, sizeof w->uri, "ws://%s:%u/chat", host, w->f.peer.port);
  w->options = (uvws_options_t){.size = sizeof w->options,
                                .uri = w->uri,
                                .proxy = w->proxy,
                                .compression = UVWS_COMPRESSION_OFF};
  return w;
}

static void finish(struct world *w) {
  fixture_run(&w->f);
  relay_close(&w->relay);
  fixture_end(&w->f);
  relay_deinit(&w->relay);
}

static void on_event(struct player *p, enum event event) {
  if (event == EVENT_MESSAGE) player_close(p, 1000, "");
}

/* Connect, send, hear the echo, close. */
static void expect_echo(struct world *w) {
  struct player *p = &w->f.players[0];
  w->f.hook = on_event;
  assert_int_equal(player_connect(p, &w->options), 0);
  player_text(p, "hello");
  fixture_run(&w->f);
  if (p->messages != 1) fail_msg("no echo: %s", w->f.diary);
  assert_true(p->was_clean);
  assert_int_equal(p->errors, 0);
}

static struct player *expect_error(struct world *w, int err, const char *words) {
  struct player *p = &w->f.players[0];
  assert_int_equal(player_connect(p, &w->options), 0);
  fixture_run(&w->f);
  assert_int_equal(p->errors, 1);
  if (p->error != err || !strstr(p->error_message, words))
    fail_msg("%s: %s", uvws_err_name(p->error), p->error_message);
  assert_int_equal(p->opens, 0);
  assert_int_equal(p->closes, 1);
  return p;
}

/*
 * Good proxies
 */

static void a_message_goes_through_each_kind_of_proxy(void **state) {
  (void)state;
  for (int kind = RELAY_HTTP; kind <= RELAY_SOCKS4A; kind++) {
    for (int is_bytewise = 0; is_bytewise < 2; is_bytewise++) {
      struct relay_plan plan = {.kind = (enum relay_kind)kind, .is_bytewise = is_bytewise};
      struct world *w = start(&plan, "server.example");
      expect_echo(w);
      assert_int_equal(w->relay.conn_count, 1);
      finish(w);
    }
  }
}

static void the_proxys_credentials_stay_with_the_proxy(void **state) {
  static const uvws_header_t proxy_headers[] = {{"X-Proxy", "yes"}};
  static const uvws_header_t headers[] = {{"X-Server", "yes"}};
  char expected[512];
  (void)state;
  struct relay_plan plan = {.kind = RELAY_HTTP};
  struct world *w = start(&plan, "server.example");
  snprintf(w->proxy, sizeof w->proxy, "http://Aladdin:open%%20sesame@127.0.0.1:%u", w->relay.port);
  w->options.proxy_headers = proxy_headers;
  w->options.proxy_header_count = 1;
  w->options.headers = headers;
  w->options.header_count = 1;
  w->options.bearer_token = "token";
  expect_echo(w);
  snprintf(expected, sizeof expected,
           "CONNECT server.example:%u HTTP/1.1\r\nHost: server.example:%u\r\n"
           "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nX-Proxy: yes\r\n\r\n",
           w->f.peer.port, w->f.peer.port);
  assert_string_equal(w->relay.requests[0], expected);
  const char *request = fixture_conn(&w->f)->request;
  assert_null(strstr(request, "Proxy"));
  assert_non_null(strstr(request, "X-Server: yes\r\n"));
  assert_non_null(strstr(request, "Authorization: Bearer token\r\n"));
  assert_non_null(strstr(request, "Host: server.example"));
  finish(w);
}

static void socks5h_lets_the_proxy_look_the_name_up(void **state) {
  (void)state;
  struct relay_plan plan = {.kind = RELAY_SOCKS5_LOGIN};
  struct world *w = start(&plan, "server.example");
  expect_echo(w);
  assert_memory_equal(w->relay.requests[1], "\x01\x02me\x07se cret", 12);
  assert_memory_equal(w->relay.requests[2], "\x05\x01\x00\x03\x0eserver.example", 19);
  finish(w);
}

static void socks5_looks_the_name_up_here(void **state) {
  (void)state;
  struct relay_plan plan = {.kind = RELAY_SOCKS5};
  struct world *w = start(&plan, "localhost");
  snprintf(w->proxy, sizeof w->proxy, "socks5://127.0.0.1:%u", w->relay.port);
  expect_echo(w);
  assert_true(w->relay.requests[1][3] == 1 || w->relay.requests[1][3] == 4);
  finish(w);
}

static void an_address_needs_no_look_up(void **state) {
  (void)state;
  struct relay_plan plan = {.kind = RELAY_SOCKS5};
  struct world *w = start(&plan, "[::1]");
  snprintf(w->proxy, sizeof w->proxy, "socks5://127.0.0.1:%u", w->relay.port);
  expect_echo(w);
  assert_int_equal(w->relay.requests[1][3], 4);
  finish(w);
}

/*
 * Bad answers
 */

static const struct answer_row {
  enum relay_kind kind;
  const char *answer;
  int err;
  int status;
  const char *words;
  const char *body;
} answers[] = {
    {RELAY_HTTP, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nauth",
     UVWS_EPROXY_AUTH, 407, "407", "auth"},
    {RELAY_HTTP, "HTTP/1.0 401 Unauthorized\r\nContent-Length: 4\r\n\r\nauth", UVWS_EPROXY_AUTH,
     401, "401", "auth"},
    {RELAY_HTTP, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", UVWS_EPROXY, 403, "403",
     "no"},
    {RELAY_HTTP, "HTTP/1.0 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", UVWS_EPROXY, 502, "502",
     ""},
    {RELAY_HTTP, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", UVWS_EPROXY, 101,
     "101", ""},
    {RELAY_HTTP, "HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n",
     UVWS_EPROXY, 302, "302", ""},
    {RELAY_HTTP, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", UVWS_EPROXY, 0,
     "4 bytes behind", ""},
    {RELAY_HTTP, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n", UVWS_EPROXY, 0,
     "bytes behind", ""},
    {RELAY_HTTP, "HTTP/2 200\r\n\r\n", UVWS_EPROXY, 0, "the proxy's answer is not HTTP/1.1", ""},
    {RELAY_HTTP, "HTTP/1.2 200 OK\r\n\r\n", UVWS_EPROXY, 0, "not HTTP/1.1", ""},
    {RELAY_HTTP, "SSH-2.0-OpenSSH\r\n", UVWS_EPROXY, 0, "SSH-2.0", ""},
    {RELAY_HTTP, "HTTP/1.1 200 OK\nX: y\n\n", UVWS_EPROXY, 0, "line 1", ""},
    {RELAY_HTTP, "\x05\x00", UVWS_EPROXY, 0, "not HTTP", ""},
    {RELAY_SOCKS5, "HTTP/1.1 400 Bad Request\r\n\r\n", UVWS_EPROXY, 0, "not SOCKS", ""},
    {RELAY_SOCKS5, "\x05\xff", UVWS_EPROXY_AUTH, 0, "authentication", ""},
    {RELAY_SOCKS4A, "HTTP/1.1 400 Bad Request\r\n\r\n", UVWS_EPROXY, 0, "not SOCKS", ""},
};

static void a_bad_answer_is_told_with_what_it_says(void **state) {
  (void)state;
  for (size_t i = 0; i < 2 * sizeof answers / sizeof *answers; i++) {
    const struct answer_row *row = &answers[i / 2];
    /* Bytes that come one by one are behind the agreement at another time. */
    if (i % 2 && strstr(row->words, "bytes behind")) continue;
    struct relay_plan plan = {.kind = row->kind,
                              .answers = {row->answer},
                              .lens = {strlen(row->answer)},
                              .is_bytewise = i % 2};
    struct world *w = start(&plan, "server.example");
    w->options.max_redirects = 5;
    struct player *p = expect_error(w, row->err, row->words);
    assert_int_equal(p->status, row->status);
    assert_int_equal(p->body_len, strlen(row->body));
    assert_memory_equal(p->body, row->body, p->body_len);
    /* The proxy may have reached the server; nothing was said to it. */
    if (w->f.peer.conn_count) assert_null(fixture_conn(&w->f)->request);
    finish(w);
  }
}

static void a_refusal_of_socks_is_told_in_words(void **state) {
  (void)state;
  struct relay_plan plan = {
      .kind = RELAY_SOCKS5, .answers = {NULL, "\x05\x05\0\1\0\0\0\0\0\0"}, .lens = {0, 10}};
  struct world *w = start(&plan, "server.example");
  expect_error(w, UVWS_EPROXY, "did not connect to server.example: connection refused");
  finish(w);
}

static void a_head_without_end_is_cut_off_by_max_head_size(void **state) {
  char answer[900];
  (void)state;
  memset(answer, 'x', sizeof answer);
  memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
  struct relay_plan plan = {.kind = RELAY_HTTP, .answers = {answer}, .lens = {sizeof answer}};
  struct world *w = start(&plan, "server.example");
  w->options.max_head_size = 500;
  expect_error(w, UVWS_EHEAD_TOO_LARGE, "the head of the proxy's answer is larger than 500 bytes");
  finish(w);
}

static void a_200_may_say_that_it_has_a_body_and_has_none(void **state) {
  static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 100\r\nVia: x\r\n\r\n";
  (void)state;
  struct relay_plan plan = {.kind = RELAY_HTTP, .answers = {answer}, .lens = {sizeof answer - 1}};
  struct world *w = start(&plan, "server.example");
  expect_echo(w);
  finish(w);
}

static void a_host_too_long_for_socks_is_refused_without_a_byte_to_the_server(void **state) {
  (void)state;
  for (int len = 253; len <= 254; len++) {
    struct relay_plan plan = {.kind = RELAY_SOCKS5};
    struct world *w = start(&plan, "server.example");
    char uri[400];
    int used = snprintf(uri, sizeof uri, "ws://");
    for (int i = 0; i < len; i++)
      uri[used++] = i % 50 == 49 ? '.' : 'a';
    snprintf(uri + used, sizeof uri - (size_t)used, ":%u/", w->f.peer.port);
    w->options.uri = uri;
    if (len == 253)
      expect_echo(w);
    else
      assert_int_equal(player_connect(&w->f.players[0], &w->options), UVWS_EURI);
    finish(w);
  }
}

/*
 * Ends and silence
 */

static void a_proxy_that_hangs_up_at_any_byte_is_an_error(void **state) {
  (void)state;
  for (int kind = RELAY_HTTP; kind <= RELAY_SOCKS4A; kind++) {
    for (size_t at = 0; at < relay_answers_len((enum relay_kind)kind); at++) {
      struct relay_plan plan = {.kind = (enum relay_kind)kind, .is_cut = 1, .cut_at = at};
      struct world *w = start(&plan, "server.example");
      expect_error(w, UVWS_EPROXY, "hung up");
      finish(w);
    }
  }
}

static int is_asked(struct fixture *f) {
  (void)f;
  return world.relay.request_lens[0] > 0;
}

static void a_silent_proxy_is_given_up_with_connect_timeout_ms(void **state) {
  (void)state;
  struct relay_plan plan = {.kind = RELAY_HTTP, .is_silent = 1};
  struct world *w = start(&plan, "server.example");
  struct player *p = &w->f.players[0];
  w->options.connect_timeout_ms = 3000;
  assert_int_equal(player_connect(p, &w->options), 0);
  fixture_run_until(&w->f, is_asked);
  fixture_advance(&w->f, 2999);
  assert_int_equal(p->errors, 0);
  fixture_advance(&w->f, 1);
  fixture_run(&w->f);
  assert_int_equal(p->error, UVWS_ECONNECT_TIMEOUT);
  assert_non_null(strstr(p->error_message, "the proxy 127.0.0.1 is silent"));
  finish(w);
}

/* The deadline is absolute: what comes does not put it off. */
static void a_proxy_that_drips_is_given_up_as_late_as_a_silent_one(void **state) {
  static const char head[] = "HTTP/1.1 200 OK\r\n";
  (void)state;
  struct relay_plan plan = {.kind = RELAY_HTTP, .is_silent = 1};
  struct world *w = start(&plan, "server.example");
  struct player *p = &w->f.players[0];
  w->options.connect_timeout_ms = 3000;
  assert_int_equal(player_connect(p, &w->options), 0);
  fixture_run_until(&w->f, is_asked);
  for (int i = 0; i < 12; i++) {
    assert_int_equal(p->errors, 0);
    relay_say(&w->relay, head + i, 1);
    for (int turns = 0; turns < 4; turns++)
      uv_run(&w->f.loop, UV_RUN_NOWAIT);
    fixture_advance(&w->f, 250);
  }
  fixture_run(&w->f);
  assert_int_equal(p->error, UVWS_ECONNECT_TIMEOUT);
  finish(w);
}

static void closing_while_the_proxy_thinks_cancels(void **state) {
  (void)state;
  for (int is_freeing = 0; is_freeing < 2; is_freeing++) {
    struct relay_plan plan = {.kind = RELAY_SOCKS5, .is_silent = 1};
    struct world *w = start(&plan, "server.example");
    struct player *p = &w->f.players[0];
    assert_int_equal(player_connect(p, &w->options), 0);
    fixture_run_until(&w->f, is_asked);
    if (is_freeing)
      player_free(p);
    else
      player_close(p, 1000, "");
    fixture_run(&w->f);
    assert_int_equal(p->errors, 0);
    assert_int_equal(p->closes, 1);
    finish(w);
  }
}

static void closing_during_the_look_up_cancels(void **state) {
  (void)state;
  for (int is_freeing = 0; is_freeing < 2; is_freeing++) {
    struct relay_plan plan = {.kind = RELAY_SOCKS5};
    struct world *w = start(&plan, "localhost");
    struct player *p = &w->f.players[0];
    snprintf(w->proxy, sizeof w->proxy, "socks5://127.0.0.1:%u", w->relay.port);
    assert_int_equal(player_connect(p, &w->options), 0);
    if (is_freeing)
      player_free(p);
    else
      player_close(p, 1000, "");
    fixture_run(&w->f);
    assert_int_equal(p->errors, 0);
    assert_int_equal(p->closes, 1);
    assert_int_equal(w->relay.conn_count, 0);
    finish(w);
  }
}

static void each_allocation_may_fail(void **state) {
  static const enum relay_kind kinds[] = {RELAY_HTTP, RELAY_SOCKS5_LOGIN};
  (void)state;
  for (int i = 0; i < 2; i++) {
    int is_done = 0;
    for (size_t n = 1; !is_done; n++) {
      struct relay_plan plan = {.kind = kinds[i]};
      struct world *w = start(&plan, "server.example");
      struct player *p = &w->f.players[0];
      w->f.hook = NULL;
      w->f.memory.fail_at = w->f.memory.asked + n;
      int err = player_connect(p, &w->options);
      assert_true(err == 0 || err == UV_ENOMEM);
      if (!err) {
        while (!p->closes && !p->opens)
          if (!uv_run(&w->f.loop, UV_RUN_ONCE)) break;
        if (p->opens) player_close(p, 1000, "");
      }
      fixture_run(&w->f);
      is_done = !w->f.memory.has_failed;
      w->f.memory.fail_at = 0;
      finish(w);
      assert_true(n < 500);
    }
  }
}

/*
 * Options
 */

static void wrong_options_are_refused_by_their_names(void **state) {
  static const uvws_header_t bad[] = {{"Host", "x"}};
  static const struct {
    uvws_options_t options;
    const char *words;
  } rows[] = {
      {{.proxy = "ftp://x"}, "proxy: the scheme"},
      {{.proxy = ""}, "proxy: the host is empty"},
      {{.proxy = "http://x", .socket_path = "/x"}, "proxy: socket_path"},
      {{.proxy = "http://x", .proxy_headers = bad, .proxy_header_count = 1}, "proxy_headers: Host"},
      {{.proxy = "http://x", .proxy_header_count = 1}, "proxy_headers is NULL"},
      {{.proxy = "https://x", .proxy_ca_file = "/nowhere"}, "proxy_ca_file: "},
      {{.local_address = "localhost"}, "local_address: localhost is not"},
      {{.socket_path = ""}, "socket_path: it is empty"},
      {{.bearer_token = "a b"}, "bearer_token: "},
      {{.bearer_token = ""}, "bearer_token: "},
      {{.bearer_token = "x\r\ny"}, "bearer_token: "},
      {{.bearer_token = "x", .uri = "ws://u:p@h/"}, "bearer_token: the URI"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct relay_plan plan = {.kind = RELAY_HTTP};
    struct world *w = start(&plan, "server.example");
    uvws_options_t options = rows[i].options;
    options.size = sizeof options;
    int err = player_connect(&w->f.players[0], &options);
    const char *said = uvws_last_error(w->f.players[0].ws);
    if (err >= 0 || !strstr(said, rows[i].words)) fail_msg("%s: %d, %s", rows[i].words, err, said);
    finish(w);
  }
}

static void set_proxy_env(const char *name, const char *value) {
  static const char *const all[] = {"ws_proxy",   "WS_PROXY",   "wss_proxy",   "WSS_PROXY",
                                    "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                    "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    uv_os_unsetenv(all[i]);
  if (name) uv_os_setenv(name, value);
}

static void the_environment_counts_only_when_asked_and_as_curl_reads_it(void **state) {
  static const struct {
    const char *name;
    const char *no_proxy;
    int is_asked;
    int is_used;
  } rows[] = {
      {"http_proxy", NULL, 1, 1},
      {"http_proxy", NULL, 0, 0},
      {"HTTP_PROXY", NULL, 1, 0},
      {"ws_proxy", NULL, 1, 1},
      {"WS_PROXY", NULL, 1, 1},
      {"all_proxy", NULL, 1, 1},
      {"ALL_PROXY", NULL, 1, 1},
      {"https_proxy", NULL, 1, 0},
      {"HTTPS_PROXY", NULL, 1, 0},
      {"http_proxy", "127.0.0.1", 1, 0},
      {"http_proxy", "127.0.0.0/8", 1, 0},
      {"http_proxy", "x, 127.0.0.1/32", 1, 0},
      {"http_proxy", "*", 1, 0},
      {"http_proxy", "128.0.0.0/8,::1/0", 1, 1},
      {"http_proxy", "127.0.0.2", 1, 1},
      {"http_proxy", "127.0.0.1/33", 1, 1},
      {"http_proxy", "example.org", 1, 1},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct relay_plan plan = {.kind = RELAY_HTTP};
    struct world *w = start(&plan, "127.0.0.1");
    set_proxy_env(rows[i].name, w->proxy);
    if (rows[i].no_proxy) uv_os_setenv(i % 2 ? "no_proxy" : "NO_PROXY", rows[i].no_proxy);
    w->options.proxy = NULL;
    w->options.proxy_from_env = rows[i].is_asked;
    expect_echo(w);
    if ((int)w->relay.conn_count != rows[i].is_used) fail_msg("row %zu", i);
    finish(w);
  }
  set_proxy_env(NULL, NULL);
}

static void a_bad_variable_is_named(void **state) {
  (void)state;
  struct relay_plan plan = {.kind = RELAY_HTTP};
  struct world *w = start(&plan, "127.0.0.1");
  set_proxy_env("all_proxy", "http://user:secret@");
  w->options.proxy = NULL;
  w->options.proxy_from_env = 1;
  assert_int_equal(player_connect(&w->f.players[0], &w->options), UVWS_EOPTION);
  assert_non_null(strstr(uvws_last_error(w->f.players[0].ws), "all_proxy: "));
  set_proxy_env(NULL, NULL);
  finish(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_message_goes_through_each_kind_of_proxy),
      cmocka_unit_test(the_proxys_credentials_stay_with_the_proxy),
      cmocka_unit_test(socks5h_lets_the_proxy_look_the_name_up),
      cmocka_unit_test(socks5_looks_the_name_up_here),
      cmocka_unit_test(an_address_needs_no_look_up),
      cmocka_unit_test(a_bad_answer_is_told_with_what_it_says),
      cmocka_unit_test(a_refusal_of_socks_is_told_in_words),
      cmocka_unit_test(a_head_without_end_is_cut_off_by_max_head_size),
      cmocka_unit_test(a_200_may_say_that_it_has_a_body_and_has_none),
      cmocka_unit_test(a_host_too_long_for_socks_is_refused_without_a_byte_to_the_server),
      cmocka_unit_test(a_proxy_that_hangs_up_at_any_byte_is_an_error),
      cmocka_unit_test(a_silent_proxy_is_given_up_with_connect_timeout_ms),
      cmocka_unit_test(a_proxy_that_drips_is_given_up_as_late_as_a_silent_one),
      cmocka_unit_test(closing_while_the_proxy_thinks_cancels),
      cmocka_unit_test(closing_during_the_look_up_cancels),
      cmocka_unit_test(each_allocation_may_fail),
      cmocka_unit_test(wrong_options_are_refused_by_their_names),
      cmocka_unit_test(the_environment_counts_only_when_asked_and_as_curl_reads_it),
      cmocka_unit_test(a_bad_variable_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
