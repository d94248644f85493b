/*
 * Command lines: a table says which options a command has, where each value goes and what --help
 * says about it.
 */
#ifndef UVWS_CLI_ARGUMENTS_H
#define UVWS_CLI_ARGUMENTS_H

#include <stddef.h>

/* Values of an option that may repeat, or operands, in order; borrowed from argv. */
struct cli_list {
  const char **items;
  size_t count;
};
void cli_list_deinit(struct cli_list *list);

/* What an option's value is, and the type of the field that it goes to. */
enum cli_kind {
  CLI_FLAG,        /* no value; int, set to 1 */
  CLI_STRING,      /* const char *, borrowed from argv */
  CLI_LIST,        /* struct cli_list */
  CLI_PORT,        /* uint16_t, 0 to 65535 */
  CLI_MS,          /* uint32_t, milliseconds */
  CLI_MAYBE_MS,    /* the same, only as --name=MS; 0 without a value */
  CLI_COUNT,       /* unsigned */
  CLI_BYTES,       /* size_t */
  CLI_TLS_VERSION, /* uvws_tls_version_t, "1.2" */
};

struct cli_option {
  const char *name; /* without its dashes */
  char letter;      /* 0: none */
  enum cli_kind kind;
  size_t offset;          /* of the field in the command's own struct */
  const char *value_name; /* for --help; NULL for a flag */
  const char *help;
};

struct cli_command {
  const char *name;
  const char *operands; /* for --help, "URI"; "" when there are none */
  size_t operands_min;
  size_t operands_max;
  size_t operands_offset; /* of the struct cli_list in the command's own struct */
  const char *summary;
  const struct cli_option *options;
  size_t option_count;
};

#define CLI_GO_ON (-1)

/* Fill `*out`, the command's own struct, whose fields hold their defaults. Answers CLI_GO_ON, or an
 * exit status: --help was printed, or the line is wrong and standard error says how. */
int cli_arguments_parse(const struct cli_command *command, int argc, char **argv, void *out);

#endif
