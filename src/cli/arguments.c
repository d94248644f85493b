/* Command lines: `--name value`, `--name=value`, `-n value`, `-nvalue`, and `--` ends the options.
 * A value that may be left out stands behind a `=`. */
#include "cli/arguments.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "uvws.h"

struct parse {
  const struct cli_command *command;
  int argc;
  char **argv;
  int next;
  char *out;
};

static int usage_error(const struct cli_command *command, const char *what, const char *subject) {
  fprintf(stderr, "uvws: usage: %s: %s (see uvws %s --help)\n", subject, what, command->name);
  return CLI_USAGE;
}

static int list_append(struct cli_list *list, const char *item) {
  const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
  if (items == NULL) return -1;
  list->items = items;
  list->items[list->count++] = item;
  return 0;
}

void cli_list_deinit(struct cli_list *list) {
  free(list->items);
  memset(list, 0, sizeof *list);
}

static int parse_number(const char *text, uint64_t max, uint64_t *out) {
  if (text[0] < '0' || text[0] > '9') return -1;
  char *end = NULL;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  if (errno != 0 || *end != '\0' || number > max) return -1;
  *out = number;
  return 0;
}

static int parse_tls_version(const char *text, uvws_tls_version_t *out) {
  static const char *const names[] = {"1.0", "1.1", "1.2", "1.3"};
  for (int i = 0; i < 4; i++) {
    if (strcmp(text, names[i]) != 0) continue;
    *out = (uvws_tls_version_t)(UVWS_TLS_1_0 + i);
    return 0;
  }
  return -1;
}

static int set_number(enum cli_kind kind, void *field, const char *value) {
  uint64_t max = kind == CLI_PORT ? UINT16_MAX : kind == CLI_BYTES ? SIZE_MAX : UINT32_MAX;
  uint64_t number = 0;
  if (parse_number(value, max, &number) != 0) return -1;
  if (kind == CLI_PORT)
    *(uint16_t *)field = (uint16_t)number;
  else if (kind == CLI_BYTES)
    *(size_t *)field = (size_t)number;
  else if (kind == CLI_COUNT)
    *(unsigned *)field = (unsigned)number;
  else
    *(uint32_t *)field = (uint32_t)number;
  return 0;
}

static int set_field(const struct cli_option *option, void *field, const char *value) {
  switch (option->kind) {
  case CLI_FLAG:
    *(int *)field = 1;
    return 0;
  case CLI_STRING:
    *(const char **)field = value;
    return 0;
  case CLI_LIST:
    return list_append(field, value);
  case CLI_TLS_VERSION:
    return parse_tls_version(value, field);
  case CLI_PORT:
  case CLI_MS:
  case CLI_MAYBE_MS:
  case CLI_COUNT:
  case CLI_BYTES:
    return set_number(option->kind, field, value);
  }
  return -1;
}

static void print_help(const struct cli_command *command) {
  printf("usage: uvws %s [OPTION ...]%s%s\n%s\n", command->name, command->operands[0] ? " " : "",
         command->operands, command->summary);
  for (size_t i = 0; i < command->option_count; i++) {
    const struct cli_option *option = &command->options[i];
    char left[64];
    char letter[8] = "    ";
    if (option->letter != 0) snprintf(letter, sizeof letter, "-%c, ", option->letter);
    const char *format = option->kind == CLI_MAYBE_MS ? "%s--%s[=%s]" : "%s--%s %s";
    snprintf(left, sizeof left, format, letter, option->name,
             option->value_name != NULL ? option->value_name : "");
    printf("  %-30s  %s\n", left, option->help);
  }
  printf("  %-30s  %s\n", "-h, --help", "print this");
}

static const struct cli_option *find_by_name(const struct cli_command *command, const char *name,
                                             size_t len) {
  for (size_t i = 0; i < command->option_count; i++) {
    const char *candidate = command->options[i].name;
    if (strlen(candidate) == len && memcmp(candidate, name, len) == 0) return &command->options[i];
  }
  return NULL;
}

static const struct cli_option *find_by_letter(const struct cli_command *command, char letter) {
  for (size_t i = 0; i < command->option_count; i++)
    if (letter != 0 && command->options[i].letter == letter) return &command->options[i];
  return NULL;
}

/* `glued` is a value in the same argument, NULL when there is none. */
static int take_option(struct parse *p, const struct cli_option *option, const char *word,
                       const char *glued) {
  if (option == NULL) return usage_error(p->command, "unknown option", word);
  const char *value = glued;
  if (option->kind == CLI_FLAG) {
    if (glued != NULL) return usage_error(p->command, "takes no value", word);
  } else if (value == NULL && option->kind == CLI_MAYBE_MS) {
    value = "0";
  } else if (value == NULL) {
    if (p->next >= p->argc) return usage_error(p->command, "needs a value", word);
    value = p->argv[p->next++];
  }
  if (set_field(option, p->out + option->offset, value) != 0)
    return usage_error(p->command, "bad value", word);
  return CLI_GO_ON;
}

static int take_long(struct parse *p, const char *word) {
  const char *name = word + 2;
  const char *equals = strchr(name, '=');
  size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
  return take_option(p, find_by_name(p->command, name, len), word,
                     equals != NULL ? equals + 1 : NULL);
}

static int take_short(struct parse *p, const char *word) {
  return take_option(p, find_by_letter(p->command, word[1]), word,
                     word[2] != '\0' ? word + 2 : NULL);
}

static int take_word(struct parse *p, int *options_ended) {
  const char *word = p->argv[p->next++];
  if (*options_ended || word[0] != '-' || word[1] == '\0') {
    struct cli_list *operands = (struct cli_list *)(p->out + p->command->operands_offset);
    if (operands->count == p->command->operands_max)
      return usage_error(p->command, "one argument too many", word);
    return list_append(operands, word) == 0 ? CLI_GO_ON : CLI_FAILED;
  }
  if (strcmp(word, "--") == 0) {
    *options_ended = 1;
    return CLI_GO_ON;
  }
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
    print_help(p->command);
    return CLI_OK;
  }
  return word[1] == '-' ? take_long(p, word) : take_short(p, word);
}

int cli_arguments_parse(const struct cli_command *command, int argc, char **argv, void *out) {
  struct parse p = {.command = command, .argc = argc, .argv = argv, .next = 1, .out = out};
  int options_ended = 0;
  while (p.next < argc) {
    int answer = take_word(&p, &options_ended);
    if (answer != CLI_GO_ON) return answer;
  }
  const struct cli_list *operands = (const struct cli_list *)(p.out + command->operands_offset);
  if (operands->count < command->operands_min)
    return usage_error(command, "is missing", command->operands);
  return CLI_GO_ON;
}
