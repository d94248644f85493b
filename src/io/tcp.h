/* A transport over a connected uv_tcp_t. */
#ifndef UVWS_IO_TCP_H
#define UVWS_IO_TCP_H

#include "io/transport.h"

struct uvws__tcp {
  struct uvws__transport base;
  const struct uvws__env *env;
  uv_tcp_t handle;
  /* ... */
};

#endif
