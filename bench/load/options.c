/* The command line of uvws-bench. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: uvws-bench [OPTION ...] URI\n"
    "\n"
    "Puts load on a WebSocket server that answers each message with one message, an echo server "
    "say,\n"
    "and tells how many went through and how long the answers took. Only use it on servers of "
    "yours.\n"
    "\n"
    "  -c, --connections N   connections at once (1)\n"
    "  -s, --size BYTES      of a message (125)\n"
    "  -f, --in-flight N     messages a connection that await their answers at most (1)\n"
    "  -r, --rate N          messages a second, of all connections together, on a fixed schedule:\n"
    "                        latency counts from when a message was due (default: a message is "
    "sent\n"
    "                        when an answer comes, as --in-flight allows)\n"
    "  -d, --duration SEC    (10)\n"
    "  -n, --messages N      stop after so many\n"
    "  -t, --text            send text, not binary\n"
    "      --one-way         expect no answers: measures what can be sent\n"
    "      --compress        offer permessage-deflate\n"
    "  -H, --header 'N: V'   one more header field; may be repeated\n"
    "      --protocol NAME   ask for this subprotocol\n"
    "      --ca FILE         trust the certificates in this PEM file\n"
    "      --insecure        accept any certificate\n"
    "  -j, --json            the summary as one line of JSON\n"
    "  -q, --quiet           no progress on standard error\n"
    "      --help, --version\n"
    "\n"
    "Exit status: 0 all went well; 1 a connection failed or was lost, or answers are missing;\n"
    "2 wrong use; 130 interrupted.\n"
    "\n"
    "Without --rate the server sets the pace: while it stalls, nothing is sent and nothing is\n"
    "measured, so percentiles look better than users would find them (coordinated omission). Use\n"
    "--rate for latency, and no rate for throughput.\n";

enum kind { COUNT, NUMBER, FLAG, STRING, HEADER };

static const struct row {
  char letter;
  const char *name;
  enum kind kind;
  size_t offset;
} rows[] = {
#define AT(field) offsetof(struct bench_load_options, field)
    {'c', "connections", COUNT, AT(connections)},
    {'s', "size", COUNT, AT(size)},
    {'f', "in-flight", COUNT, AT(in_flight)},
    {'r', "rate", NUMBER, AT(rate)},
    {'d', "duration", NUMBER, AT(duration_s)},
    {'n', "messages", COUNT, AT(messages)},
    {'t', "text", FLAG, AT(is_text)},
    {0, "one-way", FLAG, AT(is_one_way)},
    {0, "compress", FLAG, AT(is_compressed)},
    {'H', "header", HEADER, 0},
    {0, "protocol", STRING, AT(protocol)},
    {0, "ca", STRING, AT(ca_file)},
    {0, "insecure", FLAG, AT(is_insecure)},
    {'j', "json", FLAG, AT(is_json)},
    {'q', "quiet", FLAG, AT(is_quiet)},
#undef AT
};

static int complain(const char *what, const char *which) {
  fprintf(stderr, "uvws-bench: %s: %s\nTry uvws-bench --help.\n", what, which);
  return 2;
}

static const struct row *find_row(const char *argument, const char **value) {
  *value = NULL;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t len = strlen(rows[i].name);
    if (argument[1] != '-') {
      if (!rows[i].letter || argument[1] != rows[i].letter) continue;
      if (argument[2]) *value = argument + 2;
      return &rows[i];
    }
    if (strncmp(argument + 2, rows[i].name, len)) continue;
    if (argument[2 + len] == '=') *value = argument + 3 + len;
    if (!argument[2 + len] || *value) return &rows[i];
  }
  return NULL;
}

static int add_header(struct bench_load_options *o, char *text) {
  char *colon = strchr(text, ':');
  if (!colon || o->header_count == BENCH_HEADERS_MAX) return -1;
  *colon = '\0';
  o->headers[o->header_count].name = text;
  o->headers[o->header_count++].value = colon + 1 + strspn(colon + 1, " ");
  return 0;
}

static int set(struct bench_load_options *o, const struct row *row, const char *value) {
  char *field = (char *)o + row->offset;
  char *end;
  double number;
  switch (row->kind) {
  case COUNT:
  case NUMBER:
    number = strtod(value, &end);
    if (*end || end == value || !(number >= 0 && number < 1e15)) return -1;
    if (row->kind == NUMBER)
      memcpy(field, &number, sizeof number);
    else
      *(uint64_t *)(void *)field = (uint64_t)number;
    return 0;
  case STRING:
    *(const char **)(void *)field = value;
    return 0;
  case HEADER:
    return add_header(o, (char *)(uintptr_t)value);
  default:
    *(int *)(void *)field = 1;
    return 0;
  }
}

static int check(const struct bench_load_options *o) {
  if (!o->uri) return complain("what is missing", "URI");
  if (!o->connections || o->connections > 1000000) return complain("out of range", "--connections");
  if (!o->in_flight || o->in_flight > 65536) return complain("out of range", "--in-flight");
  if (o->size > (uint64_t)1 << 30) return complain("out of range", "--size");
  if (!(o->duration_s > 0)) return complain("out of range", "--duration");
  return 0;
}

int bench_load_options_parse(struct bench_load_options *o, int argc, char **argv) {
  *o = (struct bench_load_options){.connections = 1, .size = 125, .in_flight = 1, .duration_s = 10};
  for (int i = 1; i < argc; i++) {
    const char *argument = argv[i], *value;
    if (!strcmp(argument, "--help")) return fputs(help, stdout), 1;
    if (!strcmp(argument, "--version")) return printf("uvws-bench %s\n", uvws_version()), 1;
    if (argument[0] != '-') {
      if (o->uri) return complain("one URI only", argument);
      o->uri = argument;
      continue;
    }
    const struct row *row = find_row(argument, &value);
    if (!row || (row->kind == FLAG && value)) return complain("no such option", argument);
    if (row->kind != FLAG && !value && !(value = argv[++i]))
      return complain("a value is missing", argument);
    if (set(o, row, value) != 0) return complain("bad value", value);
  }
  return check(o);
}
