/* A real server as a child process, by the contract of test/servers/README.md. */
#ifndef UVWS_TEST_INTEROP_SERVER_H
#define UVWS_TEST_INTEROP_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct server {
  pid_t pid;
  int input; /* its standard input: it ends when this ends, so it cannot outlive us */
  uint16_t port;
};

/* Start `argv` and wait for the line that tells its port. 0, or -1 and nothing is left running. */
int server_start(struct server *server, char *const argv[]);

void server_stop(struct server *server);

#endif
