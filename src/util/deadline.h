/*
 * Deadlines: any number of them behind one clock, kept as a binary heap. Knows no loop: whoever
 * owns the set asks for the next one, waits as it likes and calls uvws__deadlines_run. A test moves
 * its own clock and calls the same function.
 */
#ifndef UVWS_UTIL_DEADLINE_H
#define UVWS_UTIL_DEADLINE_H

#include "util/env.h"

/* One deadline, part of what waits for it. A zeroed struct is one that is not set. */
struct uvws__deadline {
  uint64_t at_ms;
  size_t place; /* index in the heap plus 1; 0: not set */
  void (*fire)(struct uvws__deadline *deadline);
};

struct uvws__deadlines {
  const struct uvws__env *env;
  struct uvws__deadline **heap;
  size_t count;
  size_t promised; /* deadlines that reserve has made room for */
  size_t cap;

  /* Called when the earliest deadline changed; may be NULL. */
  void (*on_change)(void *arg);
  void *arg;
};

void uvws__deadlines_init(struct uvws__deadlines *set, const struct uvws__env *env,
                          void (*on_change)(void *arg), void *arg);
void uvws__deadlines_deinit(struct uvws__deadlines *set); /* the set must be empty */

/* Set (or move) `d` to fire `delay_ms` from now. Room for it was made by uvws__deadlines_reserve,
 * so this cannot fail. */
void uvws__deadline_set(struct uvws__deadlines *set, struct uvws__deadline *d, uint64_t delay_ms,
                        void (*fire)(struct uvws__deadline *deadline));
void uvws__deadline_clear(struct uvws__deadlines *set, struct uvws__deadline *d); /* unset: no-op */

/* Room for `more` deadlines beyond those promised so far; each promise is given back with
 * uvws__deadlines_release. Returns 0 or UV_ENOMEM. */
int uvws__deadlines_reserve(struct uvws__deadlines *set, size_t more);
void uvws__deadlines_release(struct uvws__deadlines *set, size_t less);

/* Milliseconds until the earliest: 0 when it is due, UINT64_MAX when there is none. */
uint64_t uvws__deadlines_next_ms(const struct uvws__deadlines *set);

/* Fire all that are due, the earliest first. `fire` may set and clear any deadline. */
void uvws__deadlines_run(struct uvws__deadlines *set);

#endif
