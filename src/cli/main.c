/* The program `uvws`: which command runs, --help and --version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#endif

#include "cli/cli.h"
#include "uvws.h"

static const struct command {
  const char *name;
  const char *arguments;
  const char *summary;
  int (*run)(int argc, char **argv);
} commands[] = {
#ifdef UVWS_HAVE_LUA
    {"run", "FILE.lua [ARG ...]", "run a Lua script, then the loop until nothing is active",
     cli_run},
#endif
    {"connect", "[OPTION ...] URI", "send lines of standard input, print messages", cli_connect},
    {"echo-server", "[OPTION ...]", "send every message back, on 127.0.0.1", cli_echo_server},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(FILE *stream) {
  fprintf(stream, "usage: uvws COMMAND ...\n\n");
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    fprintf(stream, "  uvws %-12s%-20s%s\n", commands[i].name, commands[i].arguments,
            commands[i].summary);
  fprintf(stream, "\n  uvws COMMAND --help says more; uvws --version prints the version\n");
}

/* A program started with a standard descriptor closed would get a socket under that number, and
 * print into it. What fills the gap reads as empty and cannot be written to. */
static void fill_standard_descriptors(void) {
#if !defined(_WIN32)
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDONLY) == -1) exit(CLI_FAILED);
#endif
}

static void ignore_sigpipe(void) {
#if !defined(_WIN32)
  signal(SIGPIPE, SIG_IGN);
#endif
}

int main(int argc, char **argv) {
  fill_standard_descriptors();
  const char *word = argc > 1 ? argv[1] : "";
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
    print_help(stdout);
    return CLI_OK;
  }
  if (strcmp(word, "--version") == 0) {
    printf("uvws %s\n", uvws_version());
    return CLI_OK;
  }
  ignore_sigpipe();
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(word, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);

  if (argc > 1) fprintf(stderr, "uvws: usage: %s: unknown command\n", word);
  print_help(stderr);
  return CLI_USAGE;
}
