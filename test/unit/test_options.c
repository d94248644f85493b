/* The caller's options: copied whole, defaults filled in, what depends on numbers alone judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conn/options.h"
#include "fake_env.h"

struct world {
  struct fake_env fake;
  struct uvws__detail detail;
  uvws_options_t *copy;
};

static int copy_of(struct world *w, const uvws_options_t *in) {
  memset(w, 0, sizeof *w);
  fake_env_init(&w->fake);
  return uvws__options_copy(&w->fake.env, in, &w->detail, &w->copy);
}

static void end(struct world *w) {
  uvws__free(&w->fake.env, w->copy);
  assert_int_equal(w->fake.live, 0);
}

static void zero_means_the_documented_default(void **state) {
  (void)state;
  struct world w;
  uvws_options_t o = {.size = sizeof o};
  assert_int_equal(copy_of(&w, &o), 0);
  assert_null(w.copy->uri);
  assert_int_equal(w.copy->size, sizeof o);
  assert_int_equal(w.copy->connect_timeout_ms, 10000);
  assert_int_equal(w.copy->handshake_timeout_ms, 10000);
  assert_int_equal(w.copy->close_timeout_ms, 5000);
  assert_int_equal(w.copy->max_message_size, 16 << 20);
  assert_int_equal(w.copy->max_fragments, 65536);
  assert_int_equal(w.copy->max_head_size, 65536);
  assert_int_equal(w.copy->insecure_skip_verify, 0);
  assert_int_equal(w.copy->compression_level, 6);
  assert_int_equal(w.copy->compression_memory_level, 8);
  assert_int_equal(w.copy->compression_threshold, 1024);
  assert_int_equal(w.copy->high_water_mark, 1 << 20);
  assert_int_equal(w.copy->low_water_mark, (1 << 20) / 4);
  assert_true(w.copy->max_buffered == UVWS_NO_LIMIT);
  end(&w);
}

static void numbers_are_kept(void **state) {
  (void)state;
  struct world w;
  uvws_options_t o = {.size = sizeof o,
                      .port = 81,
                      .connect_timeout_ms = 1,
                      .handshake_timeout_ms = UVWS_NO_TIMEOUT,
                      .close_timeout_ms = 3,
                      .max_message_size = UVWS_NO_LIMIT,
                      .max_fragments = 5,
                      .max_head_size = 6,
                      .tls_min = UVWS_TLS_1_2,
                      .tls_max = UVWS_TLS_1_3,
                      .insecure_skip_verify = 1};
  assert_int_equal(copy_of(&w, &o), 0);
  assert_int_equal(w.copy->port, 81);
  assert_int_equal(w.copy->connect_timeout_ms, 1);
  assert_int_equal(w.copy->handshake_timeout_ms, UVWS_NO_TIMEOUT);
  assert_int_equal(w.copy->close_timeout_ms, 3);
  assert_true(w.copy->max_message_size == UVWS_NO_LIMIT);
  assert_int_equal(w.copy->max_fragments, 5);
  assert_int_equal(w.copy->max_head_size, 6);
  assert_int_equal(w.copy->tls_min, UVWS_TLS_1_2);
  assert_int_equal(w.copy->tls_max, UVWS_TLS_1_3);
  assert_int_equal(w.copy->insecure_skip_verify, 1);
  end(&w);
}

static void strings_and_arrays_are_copied(void **state) {
  (void)state;
  struct world w;
  char uri[] = "ws://a/", name[] = "X-Name", value[] = "value", protocol[] = "chat";
  char origin[] = "null", file[] = "ca.pem";
  uvws_header_t headers[] = {{name, value}, {"Second", ""}};
  const char *protocols[] = {protocol, "superchat"};
  uvws_options_t o = {.size = sizeof o,
                      .uri = uri,
                      .headers = headers,
                      .header_count = 2,
                      .protocols = protocols,
                      .protocol_count = 2,
                      .origin = origin,
                      .ca_file = file,
                      .ca_path = file,
                      .cert_file = file,
                      .key_file = file,
                      .server_name = file};
  assert_int_equal(copy_of(&w, &o), 0);
  uri[0] = name[0] = value[0] = protocol[0] = origin[0] = file[0] = '!';
  headers[1].name = protocols[1] = "gone";
  assert_string_equal(w.copy->uri, "ws://a/");
  assert_string_equal(w.copy->headers[0].name, "X-Name");
  assert_string_equal(w.copy->headers[0].value, "value");
  assert_string_equal(w.copy->headers[1].name, "Second");
  assert_string_equal(w.copy->headers[1].value, "");
  assert_string_equal(w.copy->protocols[0], "chat");
  assert_string_equal(w.copy->protocols[1], "superchat");
  assert_string_equal(w.copy->origin, "null");
  assert_string_equal(w.copy->ca_file, "ca.pem");
  assert_string_equal(w.copy->ca_path, "ca.pem");
  assert_string_equal(w.copy->cert_file, "ca.pem");
  assert_string_equal(w.copy->key_file, "ca.pem");
  assert_string_equal(w.copy->server_name, "ca.pem");
  assert_int_equal(w.fake.live, 1); /* in one piece */
  end(&w);
}

static void arrays_are_aligned_behind_strings_of_every_length(void **state) {
  (void)state;
  char uri[20] = "";
  for (size_t len = 0; len + 1 < sizeof uri; len++) {
    struct world w;
    uvws_header_t header = {"A", "b"};
    const char *protocol = "chat";
    uvws_options_t o = {.size = sizeof o,
                        .uri = uri,
                        .headers = &header,
                        .header_count = 1,
                        .protocols = &protocol,
                        .protocol_count = 1};
    assert_int_equal(copy_of(&w, &o), 0);
    assert_int_equal((uintptr_t)w.copy->headers % sizeof(char *), 0);
    assert_int_equal((uintptr_t)w.copy->protocols % sizeof(char *), 0);
    assert_string_equal(w.copy->uri, uri);
    assert_string_equal(w.copy->protocols[0], "chat");
    end(&w);
    uri[len] = 'x';
  }
}

static void size_must_be_set(void **state) {
  (void)state;
  struct world w;
  uvws_options_t o = {.uri = "ws://a/"};
  assert_int_equal(copy_of(&w, NULL), UVWS__EINVAL);
  assert_int_equal(copy_of(&w, &o), UVWS__EINVAL);
  o.size = sizeof o.size - 1;
  assert_int_equal(copy_of(&w, &o), UVWS__EINVAL);
  end(&w);
}

static void shorter_struct_of_an_older_header_is_read_to_its_end_only(void **state) {
  (void)state;
  struct world w;
  const size_t size = offsetof(uvws_options_t, max_message_size);
  uvws_options_t whole = {.size = size, .uri = "ws://a/", .close_timeout_ms = 7};
  uvws_options_t *older = malloc(size); /* a sanitizer sees a step beyond it */
  assert_non_null(older);
  memcpy(older, &whole, size);
  assert_int_equal(copy_of(&w, older), 0);
  assert_string_equal(w.copy->uri, "ws://a/");
  assert_int_equal(w.copy->close_timeout_ms, 7);
  assert_int_equal(w.copy->max_message_size, 16 << 20);
  end(&w);
  free(older);
}

static void longer_struct_of_a_newer_header_must_say_nothing_new(void **state) {
  (void)state;
  struct world w;
  struct {
    uvws_options_t known;
    uint64_t newer;
  } o = {{.size = sizeof o, .port = 5}, 0};
  assert_int_equal(copy_of(&w, &o.known), 0);
  assert_int_equal(w.copy->size, sizeof o.known);
  end(&w);
  o.newer = 1;
  assert_int_equal(copy_of(&w, &o.known), UVWS_EOPTION);
  end(&w);
}

static void option_that_cannot_be_is_named(void **state) {
  (void)state;
  static const uvws_header_t no_value = {"A", NULL}, no_name = {NULL, "b"};
  static const char *const no_protocol[] = {NULL};
  static const struct {
    const char *name;
    uvws_options_t o;
  } rows[] = {
      {"headers", {.header_count = 1}},
      {"headers", {.headers = &no_value, .header_count = 1}},
      {"headers", {.headers = &no_name, .header_count = 1}},
      {"protocols", {.protocol_count = 1}},
      {"protocols", {.protocols = no_protocol, .protocol_count = 1}},
      {"tls", {.tls = (uvws_tls_version_t)1}},
      {"tls", {.tls = (uvws_tls_version_t)0x0305}},
      {"tls_min", {.tls_min = (uvws_tls_version_t)0x0300}},
      {"tls_max", {.tls_max = (uvws_tls_version_t)99999}},
      {"tls", {.tls = UVWS_TLS_1_2, .tls_min = UVWS_TLS_1_2}},
      {"tls", {.tls = UVWS_TLS_1_2, .tls_max = UVWS_TLS_1_3}},
      {"tls_min", {.tls_min = UVWS_TLS_1_3, .tls_max = UVWS_TLS_1_2}},
      {"compression", {.compression = (uvws_compression_t)7}},
      {"compression_level", {.compression_level = 10}},
      {"compression_level", {.compression_level = -1}},
      {"compression_memory_level", {.compression_memory_level = 10}},
      {"client_max_window_bits", {.client_max_window_bits = 7}},
      {"server_max_window_bits", {.server_max_window_bits = 16}},
      {"low_water_mark", {.high_water_mark = 10, .low_water_mark = 10}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct world w;
    uvws_options_t o = rows[i].o;
    o.size = sizeof o;
    assert_int_equal(copy_of(&w, &o), UVWS_EOPTION);
    if (!strstr(w.detail.text, rows[i].name)) fail_msg("row %zu: %s", i, w.detail.text);
    assert_null(w.copy);
    end(&w);
  }
}

static void copy_without_memory_is_an_error(void **state) {
  (void)state;
  struct world w = {.fake = {.live = 0}};
  uvws_options_t o = {.size = sizeof o, .uri = "ws://a/"};
  fake_env_init(&w.fake);
  w.fake.fail_at = 1;
  assert_int_equal(uvws__options_copy(&w.fake.env, &o, &w.detail, &w.copy), UVWS__ENOMEM);
  assert_null(w.copy);
  end(&w);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(zero_means_the_documented_default),
      cmocka_unit_test(numbers_are_kept),
      cmocka_unit_test(strings_and_arrays_are_copied),
      cmocka_unit_test(arrays_are_aligned_behind_strings_of_every_length),
      cmocka_unit_test(size_must_be_set),
      cmocka_unit_test(shorter_struct_of_an_older_header_is_read_to_its_end_only),
      cmocka_unit_test(longer_struct_of_a_newer_header_must_say_nothing_new),
      cmocka_unit_test(option_that_cannot_be_is_named),
      cmocka_unit_test(copy_without_memory_is_an_error),
  };
  return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
