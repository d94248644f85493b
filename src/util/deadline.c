/* Deadlines in a binary heap: set, clear and run are O(log n), the earliest is the first. */
#include "util/deadline.h"

#include <assert.h>
#include <string.h>

#include "util/errors.h"

void uvws__deadlines_init(struct uvws__deadlines *set, const struct uvws__env *env,
                          void (*on_change)(void *arg), void *arg) {
  memset(set, 0, sizeof *set);
  set->env = env;
  set->on_change = on_change;
  set->arg = arg;
}

void uvws__deadlines_deinit(struct uvws__deadlines *set) {
  assert(set->count == 0);
  uvws__free(set->env, set->heap);
  set->heap = NULL;
  set->cap = 0;
}

int uvws__deadlines_reserve(struct uvws__deadlines *set, size_t more) {
  if (more > SIZE_MAX / 4 / sizeof set->heap[0] - set->promised) return UVWS__ENOMEM;
  size_t need = set->promised + more;
  if (need > set->cap) {
    size_t cap = set->cap ? set->cap * 2 : 8;
    while (cap < need)
      cap *= 2;
    void *heap = uvws__realloc(set->env, set->heap, cap * sizeof set->heap[0]);
    if (!heap) return UVWS__ENOMEM;
    set->heap = heap;
    set->cap = cap;
  }
  set->promised = need;
  return 0;
}

void uvws__deadlines_release(struct uvws__deadlines *set, size_t less) {
  assert(set->promised >= less);
  set->promised -= less;
}

static void put(struct uvws__deadlines *set, size_t i, struct uvws__deadline *d) {
  set->heap[i] = d;
  d->place = i + 1;
}

static void sift_up(struct uvws__deadlines *set, size_t i) {
  struct uvws__deadline *d = set->heap[i];
  while (i > 0) {
    size_t parent = (i - 1) / 2;
    if (set->heap[parent]->at_ms <= d->at_ms) break;
    put(set, i, set->heap[parent]);
    i = parent;
  }
  put(set, i, d);
}

static void sift_down(struct uvws__deadlines *set, size_t i) {
  struct uvws__deadline *d = set->heap[i];
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= set->count) break;
    if (child + 1 < set->count && set->heap[child + 1]->at_ms < set->heap[child]->at_ms) child++;
    if (d->at_ms <= set->heap[child]->at_ms) break;
    put(set, i, set->heap[child]);
    i = child;
  }
  put(set, i, d);
}

static void take_out(struct uvws__deadlines *set, struct uvws__deadline *d) {
  size_t i = d->place - 1;
  struct uvws__deadline *last = set->heap[--set->count];
  d->place = 0;
  if (last == d) return;
  put(set, i, last);
  sift_up(set, i);
  sift_down(set, last->place - 1);
}

static void tell_change(struct uvws__deadlines *set) {
  if (set->on_change) set->on_change(set->arg);
}

void uvws__deadline_set(struct uvws__deadlines *set, struct uvws__deadline *d, uint64_t delay_ms,
                        void (*fire)(struct uvws__deadline *deadline)) {
  if (d->place) take_out(set, d);
  uint64_t now = set->env->now_ms(set->env->arg);
  d->at_ms = delay_ms > UINT64_MAX - now ? UINT64_MAX : now + delay_ms;
  d->fire = fire;
  assert(set->count < set->promised);
  set->heap[set->count] = d;
  set->count++;
  sift_up(set, set->count - 1);
  tell_change(set);
}

void uvws__deadline_clear(struct uvws__deadlines *set, struct uvws__deadline *d) {
  if (!d->place) return;
  take_out(set, d);
  tell_change(set);
}

uint64_t uvws__deadlines_next_ms(const struct uvws__deadlines *set) {
  if (set->count == 0) return UINT64_MAX;
  uint64_t now = set->env->now_ms(set->env->arg);
  return set->heap[0]->at_ms > now ? set->heap[0]->at_ms - now : 0;
}

void uvws__deadlines_run(struct uvws__deadlines *set) {
  /* The budget keeps a deadline that sets itself anew with no delay from holding the loop. */
  uint64_t now = set->env->now_ms(set->env->arg);
  size_t budget = set->count;
  while (set->count && set->heap[0]->at_ms <= now && budget--) {
    struct uvws__deadline *d = set->heap[0];
    take_out(set, d);
    d->fire(d);
  }
  tell_change(set);
}
