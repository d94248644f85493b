/*
 * Starting and ending a server. Plain POSIX and not uv_spawn, so that the loop of a test holds
 * nothing but what the test is about.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIMEOUT_MS 30000

extern char **environ;

static void close_pair(int pair[2]) {
  close(pair[0]);
  close(pair[1]);
}

static int spawn(struct server *server, char *const argv[], int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  int err = posix_spawnp(&server->pid, argv[0], &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (err) fprintf(stderr, "cannot start %s: %s\n", argv[0], strerror(err));
  return err ? -1 : 0;
}

/* A line up to its newline; -1 when the server ends or says nothing for long. */
static int read_line(int fd, char *line, size_t size) {
  for (size_t len = 0; len + 1 < size; len++) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (poll(&ready, 1, START_TIMEOUT_MS) != 1 || read(fd, line + len, 1) != 1) return -1;
    if (line[len] != '\n') continue;
    line[len] = '\0';
    return 0;
  }
  return -1;
}

/* "listening on wss://127.0.0.1:PORT/" */
static int read_port(int fd, uint16_t *port) {
  char line[128];
  if (read_line(fd, line, sizeof line)) return -1;
  const char *colon = strrchr(line, ':');
  long number = colon ? strtol(colon + 1, NULL, 10) : 0;
  if (number < 1 || number > UINT16_MAX) return -1;
  *port = (uint16_t)number;
  return 0;
}

int server_start(struct server *server, char *const argv[]) {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC)) return -1;
  if (pipe2(output, O_CLOEXEC)) {
    close_pair(input);
    return -1;
  }
  int err = spawn(server, argv, input[0], output[1]);
  close(input[0]);
  close(output[1]);
  server->input = input[1];
  if (err) {
    close(input[1]);
  } else if (read_port(output[0], &server->port)) {
    fprintf(stderr, "%s told no port\n", argv[0]);
    server_stop(server);
    err = -1;
  }
  close(output[0]);
  return err;
}

void server_stop(struct server *server) {
  close(server->input);
  /* The end of its input is all that the scripts need, SIGTERM is for one that hangs. */
  kill(server->pid, SIGTERM);
  while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) {
  }
}
