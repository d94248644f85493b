/* IP addresses: literals, the order in which answers are tried, words. */
#include "io/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void literals_are_known_without_a_look_up(void **state) {
  static const struct {
    const char *host;
    const char *text; /* NULL: not a literal */
  } rows[] = {
      {"127.0.0.1", "127.0.0.1"},
      {"255.255.255.255", "255.255.255.255"},
      {"::1", "::1"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"fe80::1%7", "fe80::1%7"},
      {"fe80::1%4294967295", "fe80::1%4294967295"},
      {"fe80::1%4294967296", NULL},
      {"fe80::1%0", NULL},
      {"fe80::1%-1", NULL},
      {"fe80::1% 1", NULL},
      {"fe80::1%", NULL},
      {"fe80::1%no-such-interface", NULL},
      {"127.1", NULL},
      {"127.0.0.1.", NULL},
      {"256.0.0.1", NULL},
      {"[::1]", NULL},
      {":::1", NULL},
      {"example.org", NULL},
      {"localhost", NULL},
      {"", NULL},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    union uvws__address address;
    char text[UVWS__ADDRESS_TEXT];
    int is_literal = uvws__address_parse(rows[i].host, 8080, &address);
    if (is_literal != (rows[i].text != NULL)) fail_msg("row %zu: %s", i, rows[i].host);
    if (!is_literal) continue;
    uvws__address_text(&address, text);
    assert_string_equal(text, rows[i].text);
    int is_v4 = address.any.sa_family == AF_INET;
    assert_int_equal(is_v4 ? address.v4.sin_port : address.v6.sin6_port, htons(8080));
  }
}

static void the_zone_may_be_an_interfaces_name(void **state) {
  uv_interface_address_t *interfaces;
  int count;
  (void)state;
  assert_int_equal(uv_interface_addresses(&interfaces, &count), 0);
  for (int i = 0; i < count; i++) {
    union uvws__address address;
    char host[128];
    snprintf(host, sizeof host, "fe80::1%%%s", interfaces[i].name);
    assert_int_equal(uvws__address_parse(host, 1, &address), 1);
    assert_true(address.v6.sin6_scope_id > 0);
  }
  uv_free_interface_addresses(interfaces, count);
}

/* Link a list of addresses; "-" stands for one of a family that we do not use. */
struct list {
  struct addrinfo infos[8];
  union uvws__address addresses[8];
};

static const struct addrinfo *list_make(struct list *list, const char *const *texts) {
  size_t i = 0;
  memset(list, 0, sizeof *list);
  for (; texts[i]; i++) {
    struct addrinfo *ai = &list->infos[i];
    list->addresses[i].any.sa_family = AF_UNIX;
    uvws__address_parse(texts[i], 0, &list->addresses[i]);
    ai->ai_family = list->addresses[i].any.sa_family;
    ai->ai_addr = &list->addresses[i].any;
    if (texts[i + 1]) ai->ai_next = &list->infos[i + 1];
  }
  return i ? list->infos : NULL;
}

static void expect_walk(const char *const *texts, const char *expected) {
  struct list list;
  struct uvws__address_walk walk;
  union uvws__address address;
  char told[256] = "";
  const struct addrinfo *first = list_make(&list, texts);
  size_t count = 0;
  uvws__address_walk_init(&walk, first);
  while (uvws__address_walk_next(&walk, 443, &address)) {
    char text[UVWS__ADDRESS_TEXT];
    uvws__address_text(&address, text);
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s ", text);
    assert_int_equal(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port,
                     htons(443));
    count++;
  }
  assert_string_equal(told, expected);
  assert_int_equal(uvws__address_count(first), count);
  assert_int_equal(uvws__address_walk_next(&walk, 443, &address), 0);
}

#define WALK(expected, ...) expect_walk((const char *const[]){__VA_ARGS__, NULL}, expected)

static void families_take_turns_and_the_first_addresss_begins(void **state) {
  (void)state;
  WALK("::1 10.0.0.1 ::2 10.0.0.2 ::3 ", "::1", "::2", "::3", "10.0.0.1", "10.0.0.2");
  WALK("10.0.0.1 ::1 10.0.0.2 10.0.0.3 ", "10.0.0.1", "10.0.0.2", "10.0.0.3", "::1");
  WALK("::1 10.0.0.1 ::2 ", "::1", "10.0.0.1", "::2");
  WALK("10.0.0.2 10.0.0.1 ", "10.0.0.2", "10.0.0.1");
  WALK("::2 ::1 ", "::2", "::1");
  WALK("::1 10.0.0.1 ", "-", "::1", "-", "-", "10.0.0.1", "-");
  WALK("", "-");
  WALK("", NULL);
}

static void a_block_holds_the_addresses_with_its_first_bits(void **state) {
  static const struct {
    const char *address, *block;
    int is_in;
  } rows[] = {
      {"10.1.2.3", "10.1.2.3", 1},
      {"10.1.2.3", "10.1.2.4", 0},
      {"10.1.2.3", "10.0.0.0/8", 1},
      {"11.1.2.3", "10.0.0.0/8", 0},
      {"10.1.2.3", "0.0.0.0/0", 1},
      {"10.1.2.3", "10.1.2.2/31", 1},
      {"10.1.2.3", "10.1.2.0/31", 0},
      {"10.1.2.3", "10.1.2.3/32", 1},
      {"10.1.2.3", "10.1.2.3/33", 0},
      {"10.1.2.3", "10.1.2.3/", 0},
      {"10.1.2.3", "10.1.2.3/x", 0},
      {"10.1.2.3", "10.1.2.3/-1", 0},
      {"10.1.2.3", "10.1.2.3/0032", 0},
      {"10.1.2.3", "::/0", 0},
      {"fe80::1", "fe80::/10", 1},
      {"fec0::1", "fe80::/10", 0},
      {"::1", "::1", 1},
      {"::1", "::1/128", 1},
      {"::1", "::1/129", 0},
      {"::1", "0.0.0.0/0", 0},
      {"::1", "example.org", 0},
      {"::1", "", 0},
      {"::1", "/8", 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    union uvws__address address;
    char block[100];
    assert_int_equal(uvws__address_parse(rows[i].address, 0, &address), 1);
    /* What follows the block is not looked at. */
    snprintf(block, sizeof block, "%s0,x", rows[i].block);
    if (uvws__address_is_in(&address, block, strlen(rows[i].block)) != rows[i].is_in)
      fail_msg("%s in %s", rows[i].address, rows[i].block);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(literals_are_known_without_a_look_up),
      cmocka_unit_test(the_zone_may_be_an_interfaces_name),
      cmocka_unit_test(families_take_turns_and_the_first_addresss_begins),
      cmocka_unit_test(a_block_holds_the_addresses_with_its_first_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
