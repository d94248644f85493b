/* The negotiation of permessage-deflate: what is offered, and which answers are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/extension.h"

#define PMD "permessage-deflate"

struct offered {
  struct uvws__deflate_offer offer;
  const char *text;
};

static const struct offered offers[] = {
    {{0, 0, 0, 0}, PMD "; client_max_window_bits"},
    {{1, 0, 0, 0}, PMD "; server_no_context_takeover; client_max_window_bits"},
    {{0, 1, 0, 0}, PMD "; client_no_context_takeover; client_max_window_bits"},
    {{0, 0, 8, 0}, PMD "; server_max_window_bits=8; client_max_window_bits"},
    {{0, 0, 0, 15}, PMD "; client_max_window_bits=15"},
    {{1, 1, 12, 9},
     PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
         "client_max_window_bits=9"},
};

static void an_offer_names_what_is_wished_for(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
    char text[UVWS__OFFER_MAX];
    uvws__extension_offer(&offers[i].offer, text);
    assert_string_equal(text, offers[i].text);
  }
}

struct answered {
  struct uvws__deflate_offer offer;
  const char *text;
  int server_bits; /* 0: refused */
  int client_bits;
  int server_no_takeover;
  int client_no_takeover;
};

static const struct answered answers[] = {
    {{0}, PMD, 15, 15, 0, 0},
    {{0}, " \t" PMD " \t", 15, 15, 0, 0},
    {{0}, PMD ";server_no_context_takeover;client_no_context_takeover", 15, 15, 1, 1},
    {{0}, PMD " ; server_max_window_bits=8 ; client_max_window_bits=8", 8, 8, 0, 0},
    {{0}, PMD "; server_max_window_bits=\"10\"; client_max_window_bits=\"15\"", 10, 15, 0, 0},
    {{0, 1, 0, 0}, PMD, 15, 15, 0, 1},
    {{0, 0, 0, 10}, PMD, 15, 10, 0, 0},
    {{0, 0, 0, 10}, PMD "; client_max_window_bits=9", 15, 9, 0, 0},
    {{1, 0, 0, 0}, PMD "; server_no_context_takeover", 15, 15, 1, 0},
    {{0, 0, 12, 0}, PMD "; server_max_window_bits=12", 12, 15, 0, 0},
    {{0, 0, 12, 0}, PMD "; server_max_window_bits=11", 11, 15, 0, 0},
    {{1, 0, 0, 0}, PMD, 0, 0, 0, 0},
    {{0, 0, 12, 0}, PMD, 0, 0, 0, 0},
    {{0, 0, 12, 0}, PMD "; server_max_window_bits=13", 0, 0, 0, 0},
    {{0, 0, 0, 10}, PMD "; client_max_window_bits=11", 0, 0, 0, 0},
    {{0}, "", 0, 0, 0, 0},
    {{0}, ",", 0, 0, 0, 0},
    {{0}, "permessage-deflate2", 0, 0, 0, 0},
    {{0}, PMD ", " PMD, 0, 0, 0, 0},
    {{0}, PMD ",", 0, 0, 0, 0},
    {{0}, PMD "; unknown", 0, 0, 0, 0},
    {{0}, PMD ";", 0, 0, 0, 0},
    {{0}, PMD ";;", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=7", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=16", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=09", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=+9", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=10 0", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=\"10", 0, 0, 0, 0},
    {{0}, PMD "; server_max_window_bits=9; server_max_window_bits=9", 0, 0, 0, 0},
    {{0}, PMD "; client_max_window_bits", 0, 0, 0, 0},
    {{0}, PMD "; client_max_window_bits=9; client_max_window_bits=9", 0, 0, 0, 0},
    {{0}, PMD "; server_no_context_takeover=1", 0, 0, 0, 0},
    {{0}, PMD "; server_no_context_takeover; server_no_context_takeover", 0, 0, 0, 0},
    {{0}, PMD "; client_no_context_takeover=\"\"", 0, 0, 0, 0},
    {{0}, PMD "; client_no_context_takeover; client_no_context_takeover", 0, 0, 0, 0},
    {{0}, PMD " x", 0, 0, 0, 0},
    {{0}, PMD "/1", 0, 0, 0, 0},
};

static void an_answer_is_taken_to_the_letter_or_refused_with_words(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    const struct answered *a = &answers[i];
    struct uvws__deflate_terms terms;
    struct uvws__detail detail = {{0}};
    memset(&terms, 0x55, sizeof terms);
    int err = uvws__extension_answer(a->text, &a->offer, &detail, &terms);
    if (!a->server_bits) {
      assert_int_equal(err, UVWS_EHANDSHAKE);
      assert_true(detail.text[0]);
      assert_int_equal(terms.server_max_window_bits, 0x55);
      continue;
    }
    if (err) fail_msg("\"%s\" was refused: %s", a->text, detail.text);
    assert_true(terms.is_agreed);
    assert_int_equal(terms.server_max_window_bits, a->server_bits);
    assert_int_equal(terms.client_max_window_bits, a->client_bits);
    assert_int_equal(terms.server_no_context_takeover, a->server_no_takeover);
    assert_int_equal(terms.client_no_context_takeover, a->client_no_takeover);
  }
}

static void a_token_that_is_too_long_to_be_known_is_refused(void **state) {
  (void)state;
  struct uvws__deflate_offer offer = {0};
  struct uvws__deflate_terms terms;
  struct uvws__detail detail;
  char text[4096];
  for (size_t len = 1; len < sizeof text; len += 13) {
    memset(text, 'x', len);
    text[len] = '\0';
    assert_int_equal(uvws__extension_answer(text, &offer, &detail, &terms), UVWS_EHANDSHAKE);
    memcpy(text, PMD ";", len < 19 ? len : 19);
    assert_int_equal(uvws__extension_answer(text, &offer, &detail, &terms), UVWS_EHANDSHAKE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_offer_names_what_is_wished_for),
      cmocka_unit_test(an_answer_is_taken_to_the_letter_or_refused_with_words),
      cmocka_unit_test(a_token_that_is_too_long_to_be_known_is_refused),
  };
  return cmocka_run_group_tests_name("extension", tests, NULL, NULL);
}
