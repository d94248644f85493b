/*
 * A transport in front of the real one that does what networks do. Every operation and every event
 * of it is counted (fault.h), and the one that is due goes wrong in one of these ways. A connection
 * that went wrong for good stays so.
 */
#ifndef UVWS_TEST_FAULT_TRANSPORT_H
#define UVWS_TEST_FAULT_TRANSPORT_H

#include "conn/context.h"

enum fault_way {
  FAULT_ERROR,   /* it fails, and so does what comes behind it */
  FAULT_EOF,     /* the peer is gone: nothing more to read, nobody to write to */
  FAULT_DEAF,    /* nothing can be written any more; what comes is read */
  FAULT_SHORT,   /* a read is told byte by byte, a write is taken but for all bytes but one */
  FAULT_LATER,   /* it happens some turns of the loop later */
  FAULT_SILENCE, /* nothing comes and nothing goes any more, and nobody says so */
  FAULT_WAYS
};

struct fault_transport {
  enum fault_way way;
  int is_slow; /* no write is taken at once, so that on_written comes of each */
};

/* For all connections of `ctx`. */
void fault_transport_use(uvws_context_t *ctx, const struct fault_transport *how);

#endif
