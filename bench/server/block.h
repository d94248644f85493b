/* Prepared frames for the sources of the bench server. */
#ifndef BENCH_BLOCK_H
#define BENCH_BLOCK_H

#include "session.h"

/* The block for a path "/source/KIND/SIZE"; `name` is what it is remembered by. NULL: no such. */
const struct bench_block *bench_block_get(const char *name, const char *path, int is_deflate);

#endif
