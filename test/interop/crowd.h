/* Many clients on one loop at once. */
#ifndef UVWS_TEST_INTEROP_CROWD_H
#define UVWS_TEST_INTEROP_CROWD_H

#include "session.h"

/* What each of them does. */
enum crowd_work {
  CROWD_ECHOES, /* sends a message of its own, awaits it back, then the next */
  CROWD_LISTENS /* counts what the server sends by itself */
};

/* Connect `count` clients, have each receive `messages` messages, close each with 1000. `protocol`
 * may be NULL. By cmocka's asserts. */
void crowd_run(const struct target *target, const char *path, const char *protocol,
               enum crowd_work work, int count, int messages);

#endif
