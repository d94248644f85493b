/* The queue of bytes in pooled blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "util/chain.h"
#include "util/errors.h"

#define STOCK_MAX ((2 << 20) / UVWS__BLOCK_SIZE) /* blocks that a trimmed pool keeps: 2 MiB */

struct world {
  struct fake_env fake;
  struct uvws__pool pool;
  struct uvws__chain chain;
  uint64_t put; /* bytes ever put in and taken out; byte i is `pattern(i)` */
  uint64_t taken;
};

static uint8_t pattern(uint64_t i) {
  return (uint8_t)(i * 7 + (i >> 8));
}

static void begin(struct world *w) {
  memset(w, 0, sizeof *w);
  fake_env_init(&w->fake);
  uvws__pool_init(&w->pool, &w->fake.env);
}

static void end(struct world *w) {
  uvws__chain_clear(&w->chain, &w->pool);
  assert_null(w->chain.first);
  assert_null(w->chain.last);
  uvws__pool_deinit(&w->pool);
  assert_int_equal(w->fake.live, 0);
}

static void put(struct world *w, size_t len) {
  uint8_t *data = malloc(len + 1);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++)
    data[i] = pattern(w->put + i);
  assert_int_equal(uvws__pool_reserve(&w->pool, len), 0);
  uvws__chain_append(&w->chain, &w->pool, data, len);
  w->put += len;
  free(data);
}

static void check(const struct world *w) {
  uint64_t i = w->taken;
  for (const struct uvws__block *b = w->chain.first; b; b = b->next) {
    assert_true(b->begin <= b->end && b->end <= UVWS__BLOCK_SIZE);
    for (uint32_t at = b->begin; at < b->end; at++)
      if (b->data[at] != pattern(i++)) fail_msg("byte %u is wrong", (unsigned)(i - 1));
    if (!b->next) assert_ptr_equal(b, w->chain.last);
  }
  assert_int_equal(i, w->put);
  assert_int_equal(w->chain.len, w->put - w->taken);
}

static void take(struct world *w, size_t len) {
  uvws__chain_consume(&w->chain, &w->pool, len);
  w->taken += len;
}

static void bytes_come_out_as_they_went_in(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 100, 16383, 16384, 16385, 0, 40000, 1};
  struct world w;
  begin(&w);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    put(&w, sizes[i]);
    check(&w);
    take(&w, (size_t)(w.put - w.taken) / 2);
    check(&w);
  }
  take(&w, (size_t)(w.put - w.taken));
  check(&w);
  assert_null(w.chain.first);
  end(&w);
}

static void consuming_up_to_a_border_gives_the_block_back(void **state) {
  (void)state;
  struct world w;
  begin(&w);
  put(&w, 2 * UVWS__BLOCK_SIZE);
  size_t before = w.pool.free_count;
  take(&w, UVWS__BLOCK_SIZE - 1);
  assert_int_equal(w.pool.free_count, before);
  take(&w, 1);
  assert_int_equal(w.pool.free_count, before + 1);
  check(&w);
  end(&w);
}

static void bytes_never_move(void **state) {
  (void)state;
  struct world w;
  begin(&w);
  put(&w, 10);
  const uint8_t *first = w.chain.first->data;
  put(&w, 100000);
  take(&w, 5);
  assert_ptr_equal(w.chain.first->data, first);
  check(&w);
  end(&w);
}

static void busy_chain_asks_for_no_memory(void **state) {
  (void)state;
  struct world w;
  begin(&w);
  put(&w, 100000);
  take(&w, 100000);
  size_t asked = w.fake.asked;
  for (int i = 0; i < 100; i++) {
    put(&w, 100000);
    take(&w, 100000);
    uvws__pool_trim(&w.pool);
  }
  assert_int_equal(w.fake.asked, asked);
  end(&w);
}

static void trimmed_pool_keeps_a_modest_stock(void **state) {
  (void)state;
  struct world w;
  begin(&w);
  put(&w, (size_t)32 << 20);
  take(&w, (size_t)32 << 20);
  assert_true(w.pool.free_count > STOCK_MAX);
  uvws__pool_trim(&w.pool);
  assert_int_equal(w.pool.free_count, STOCK_MAX);
  assert_int_equal(w.fake.live, STOCK_MAX);
  end(&w);
}

static void reserve_without_memory_fails_and_leaves_what_is_there(void **state) {
  (void)state;
  struct world w;
  begin(&w);
  put(&w, 100);
  w.fake.fail_at = w.fake.asked + 3;
  assert_int_equal(uvws__pool_reserve(&w.pool, 1000000), UVWS__ENOMEM);
  check(&w);
  w.fake.fail_at = 0;
  put(&w, 1000000);
  check(&w);
  end(&w);
}

static void reserved_room_suffices_wherever_the_chain_stands(void **state) {
  (void)state;
  for (size_t fill = UVWS__BLOCK_SIZE - 20; fill <= UVWS__BLOCK_SIZE; fill++) {
    struct world w;
    begin(&w);
    put(&w, fill);
    uvws__pool_trim(&w.pool);
    put(&w, 2 * UVWS__BLOCK_SIZE + 1);
    check(&w);
    end(&w);
  }
}

static void room_is_never_empty(void **state) {
  (void)state;
  struct world w;
  begin(&w);
  for (int i = 0; i < 50; i++) {
    size_t room;
    assert_int_equal(uvws__pool_reserve(&w.pool, 4000), 0);
    uint8_t *to = uvws__chain_room(&w.chain, &w.pool, &room);
    assert_true(room > 0);
    size_t n = room < 4000 ? room : 4000;
    for (size_t j = 0; j < n; j++)
      to[j] = pattern(w.put + j);
    uvws__chain_advance(&w.chain, n);
    w.put += n;
    check(&w);
  }
  end(&w);
}

static void two_chains_share_a_pool(void **state) {
  (void)state;
  struct world w;
  struct uvws__chain other = {0};
  begin(&w);
  put(&w, 20000);
  assert_int_equal(uvws__pool_reserve(&w.pool, 5), 0);
  uvws__chain_append(&other, &w.pool, "other", 5);
  take(&w, 20000);
  assert_memory_equal(other.first->data, "other", 5);
  put(&w, 50000);
  check(&w);
  assert_memory_equal(other.first->data, "other", 5);
  uvws__chain_clear(&other, &w.pool);
  end(&w);
}

static void a_chain_behind_another_becomes_a_part_of_it(void **state) {
  (void)state;
  struct world w;
  struct uvws__chain other = {0};
  begin(&w);
  for (size_t len = 0; len <= 100000; len += 25000) {
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
      bytes[i] = pattern(w.put + i);
    assert_int_equal(uvws__pool_reserve(&w.pool, len), 0);
    uvws__chain_append(&other, &w.pool, bytes, len);
    free(bytes);
    uvws__chain_splice(&w.chain, &other);
    w.put += len;
    check(&w);
    assert_int_equal(other.len, 0);
    assert_null(other.first);
    put(&w, 10);
    check(&w);
  }
  take(&w, 100);
  check(&w);
  end(&w);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_come_out_as_they_went_in),
      cmocka_unit_test(consuming_up_to_a_border_gives_the_block_back),
      cmocka_unit_test(bytes_never_move),
      cmocka_unit_test(busy_chain_asks_for_no_memory),
      cmocka_unit_test(trimmed_pool_keeps_a_modest_stock),
      cmocka_unit_test(reserve_without_memory_fails_and_leaves_what_is_there),
      cmocka_unit_test(reserved_room_suffices_wherever_the_chain_stands),
      cmocka_unit_test(room_is_never_empty),
      cmocka_unit_test(two_chains_share_a_pool),
      cmocka_unit_test(a_chain_behind_another_becomes_a_part_of_it),
  };
  return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
